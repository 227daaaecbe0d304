from fastapi import FastAPI
app = FastAPI()

@app.get('/')
def plain(): return {'a': 1}

@app.get('/as')
async def asynchronous(): return {'b': 2}
