from keras.src.backend.common import global_state
from keras.src.saving.saving_lib import get_attr_skipset


def prepare_saving():
    """Lets one of several processes save a model alone; called before they make variables together.

    Whenever Keras saves an optimizer it makes another one, to learn its attributes: variables that
    all processes would have to make at once. It means to remember them, but 3.15.1 writes them
    under another name than it reads.
    """
    global_state.set_global_attribute(
        "saving_attr_skiplist_Optimizer", get_attr_skipset("Optimizer")
    )
