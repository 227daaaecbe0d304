from flask import Flask
app = Flask(__name__)

@app.route('/<int:n>')
def square(n): return f'{n * n}\n'
