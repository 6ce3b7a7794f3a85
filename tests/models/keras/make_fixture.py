"""Write what Keras computes with the competition's network: run once, with tensorflow at hand (it is no dependency).

    PYTHONPATH=tests/support python tests/models/keras/make_fixture.py

`fixture.npz`, a few kilobytes: the logits of eight images, the losses of five steps of training on them and the logits
afterwards, all with weights from `tests/support/keras_pattern.py`; and how TensorFlow shrinks an image.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

import keras_pattern


def network() -> tf.keras.Model:
    """As the competition's train.py builds it."""
    base = tf.keras.applications.ResNet50(input_shape=(32, 32, 3), include_top=False, weights=None)
    base = tf.keras.Model(base.inputs, base.get_layer("conv2_block3_out").output)
    inputs = tf.keras.Input(shape=(32, 32, 3))
    features = base(tf.keras.applications.resnet.preprocess_input(inputs))
    outputs = tf.keras.layers.Dense(10)(tf.keras.layers.GlobalAveragePooling2D()(features))
    model = tf.keras.Model(inputs, outputs)
    for name, arrays in keras_pattern.weights().items():
        layer = model.layers[-1] if name == "dense" else base.get_layer(name)
        layer.set_weights(arrays)
    return model


def main() -> None:
    model, images, labels = network(), keras_pattern.images(), tf.one_hot(keras_pattern.LABELS, 10)
    parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    before = model(images, training=False).numpy()
    model.compile(
        optimizer=tf.keras.optimizers.Adam(learning_rate=1e-4),
        loss=tf.keras.losses.CategoricalCrossentropy(from_logits=True),
    )
    losses = []
    for _ in range(5):
        model.reset_metrics()
        losses.append(float(np.asarray(model.train_on_batch(images, labels)).reshape(-1)[0]))
    np.savez_compressed(
        Path(__file__).with_name("fixture.npz"),
        parameters=parameters,
        logits=before,
        losses=np.array(losses),
        logits_after=model(images, training=False).numpy(),
        shrunk=tf.image.resize(keras_pattern.ramp()[None], (32, 32), method="bilinear").numpy()[0],
        versions=np.array([tf.__version__, tf.keras.__version__]),
    )


if __name__ == "__main__":
    main()
