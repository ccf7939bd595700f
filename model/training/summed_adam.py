"""A patch of Keras: Adam as the papers have it, for embeddings of repeated tokens too.

Upstream: the squares are not reported; they stand in
https://github.com/keras-team/keras/blob/v3.15.1/keras/src/optimizers/adam.py#L125. That Keras's own
step is slow for an embedding is https://github.com/keras-team/keras/issues/19992.
"""

from typing import Any

import keras
from keras import ops


class SummedAdam(keras.optimizers.Adam):
    """Adam (Kingma and Ba 2015) that adds up an embedding's gradient before it squares it.

    TensorFlow hands over the gradient of an embedding as a row for each token of the batch. Keras's
    own Adam squares these rows and then adds up those of one token, where the squared sum is meant.
    The step itself is one fused kernel of TensorFlow's in place of a dozen passes over each weight,
    which also is its own formula: epsilon is added before the bias is corrected. For that backend
    alone.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Moves one variable.

        Args:
            gradient: dense, or a TensorFlow `IndexedSlices`.
            variable: what to move.
            learning_rate: of this step.
        """
        import tensorflow as tf  # noqa: PLC0415  (other backends do without)

        if isinstance(gradient, tf.IndexedSlices):
            gradient = ops.segment_sum(gradient.values, gradient.indices, variable.shape[0])
        dtype = variable.dtype
        index = self._get_variable_index(variable)
        step = ops.cast(self.iterations + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=ops.power(ops.cast(self.beta_1, dtype), step),
            beta2_power=ops.power(ops.cast(self.beta_2, dtype), step),
            lr=ops.cast(learning_rate, dtype),
            beta1=ops.cast(self.beta_1, dtype),
            beta2=ops.cast(self.beta_2, dtype),
            epsilon=ops.cast(self.epsilon, dtype),
            grad=ops.cast(gradient, dtype),
        )
