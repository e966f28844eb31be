"""Accuracies printed in the papers for the networks registered here: the authors' results, not ours."""

PAPER_TOP1 = {
    # ICCV 2023, Tab. 2
    "parcnetv2_xt": 79.4,
    "parcnetv2_tiny": 83.5,
    "parcnetv2_small": 84.3,
    "parcnetv2_base": 84.6,
    "parc_convnext_xt": 78.3,
    "parcnet_s": 78.6,
    "replknet_31b": 83.5,
    "slak_tiny": 82.5,
    "slak_small": 83.8,
    "slak_base": 84.0,
    # ICCV 2023, Tab. 6
    "parcnetv2_xt_no_oversized": 78.9,
    "parcnetv2_xt_no_spatial_gate": 79.2,
    "parcnetv2_xt_ffn": 79.1,
    "parcnetv2_xt_late_oversized": 79.2,
    # ICCV 2023, supplement, Tabs. 1, 2 and 3
    "convnext_tiny_oversized": 82.6,
    "convnext_tiny_bgu": 82.9,
    "parcnetv2_xt_local_first": 78.4,
    "parcnetv2_xt_local_between": 77.4,
    "parcnetv2_xt_local_last": 78.6,
    "parcnetv2_xt_add": 68.4,
    # arXiv v1, Tab. 2
    "parcnetv2_26m": 82.9,
    # arXiv v1, Tab. 1
    "parcnetv2_10m": 73.7,
    "parcnetv2_10m_no_oversized": 72.7,
    "parcnetv2_10m_no_bgu": 72.8,
    "parcnetv2_10m_same_ratio": 73.5,
}
"""ImageNet-1K top-1 in percent by network, as printed."""

PAPER_CONDITIONS = {
    **dict.fromkeys(
        ("parcnetv2_10m", "parcnetv2_10m_no_oversized", "parcnetv2_10m_no_bgu", "parcnetv2_10m_same_ratio"),
        "100 epochs",
    ),
    **dict.fromkeys(("slak_tiny", "slak_small", "slak_base"), "sparse weights"),
}
"""How such an accuracy differs from the rest: not 300 epochs, or not our network."""
