"""The demo: predict from a Chicago taxi trip whether its passenger tips more than 20 % of the fare.

What is known about the 15,002 trips that ship with TFX, and so about any model of them:

* 22.5 % of the trips are big tips. "Never" is right 77.5 % of the time, so models are compared by AUC, not accuracy.
* Payment type alone reaches AUC 0.922 on the evaluation split: tips in cash are not recorded (4 big tips in 9,909 cash
  trips), while 68 % of credit card trips are big tips. It is known before the tip, so it is a legitimate feature; it is
  also most of the signal.
* What is left to learn is who tips among credit card payers, where payment type alone has AUC 0.5 by definition.
  Gradient boosting (scikit-learn, the same features) reaches 0.65 there and 0.946 overall; so does this model. The gate
  looks at that slice separately (``evaluation``).

``tips`` makes the label and is never a feature.
"""
