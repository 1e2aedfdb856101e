from keras_simmim.losses.nt_xent import NTXent as NTXent
