"""The sandbox: a process of its own in which a model is loaded and asked.

Stand-alone: nothing here imports ama_tfx or TFX, so that any Python with TensorFlow, grpc and the TF Serving API can
run it. `supervisor` is the process that the validation starts; it forks one limited `server` for each model.
"""
