from keras_simmim.methods.method import Method as Method
from keras_simmim.methods.simmim import SimMIM as SimMIM
