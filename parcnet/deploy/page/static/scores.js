// Logits -> probabilities and labels.

export function softmax(logits) {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

// The k most probable classes as {index, probability}, in descending order; ties by index.
export function topK(logits, k) {
  return softmax(logits)
    .map((probability, index) => ({ index, probability }))
    .sort((a, b) => b.probability - a.probability || a.index - b.index)
    .slice(0, k);
}

export const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.001 ? 3 : 1)} %`;

export const megabytes = (bytes) => (bytes < 1e6 ? "less than 1" : Math.round(bytes / 1e6).toString());
