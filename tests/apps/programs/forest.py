from sklearn.datasets import load_digits, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
X, y = make_classification(500, random_state=1)
print(RandomForestClassifier(50, n_jobs=1, random_state=1).fit(X, y).predict(X[:20]).tolist())
X, y = load_digits(return_X_y=True)
print(LogisticRegression(max_iter=200).fit(X[:1000] / 16, y[:1000]).predict(X[1000:1040] / 16).tolist())
