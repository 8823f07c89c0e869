"""Builds data sets in the tests and looks at what is left of those that failed."""

import tensorflow_datasets as tfds

tfds.disable_progress_bar()


def build(name, data_dir, manual_dir=None, **builder_arguments):
    """Prepares a data set and returns its builder; `manual_dir=None` leaves TFDS's default."""
    builder = tfds.builder(name, data_dir=data_dir, **builder_arguments)
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    builder.download_and_prepare(download_config=config)
    return builder


def encoded_examples(builder, split):
    """Examples by name, images as the bytes that are stored."""
    images = {
        key: tfds.decode.SkipDecoding()
        for key, feature in builder.info.features.items()
        if isinstance(feature, tfds.features.Image)
    }
    data = builder.as_dataset(split=split, decoders=images)
    return {example["name"].decode(): example for example in data.as_numpy_iterator()}


def assert_nothing_left(data_dir):
    """No version of a data set is there, whole or half; downloads do not count."""
    left = [
        path
        for path in data_dir.rglob("*")
        if "downloads" not in path.relative_to(data_dir).parts
        and (path.name.startswith(("1.0.0", "incomplete", "dataset_info")) or "record" in path.name)
    ]
    assert left == []
