"""Datasets in shards: tar files and parquet."""

from parcnet.data.shards.parquet_images import ParquetImages, open_parquet, parquet_split
from parcnet.data.shards.tar_images import TarImages, open_tars, tar_splits

__all__ = ["ParquetImages", "TarImages", "open_parquet", "open_tars", "parquet_split", "tar_splits"]
