from keras_simmim.losses.byol_loss import BYOLLoss as BYOLLoss
from keras_simmim.losses.empssl_loss import EMPSSLLoss as EMPSSLLoss
from keras_simmim.losses.info_nce import InfoNCE as InfoNCE
from keras_simmim.losses.masked_l1 import MaskedL1 as MaskedL1
from keras_simmim.losses.nt_xent import NTXent as NTXent
