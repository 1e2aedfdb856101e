from keras_simmim.cli import main

main()
