import torch
try:
    from torchvision.models import alexnet
    make = lambda: alexnet(weights=None)
except ImportError:
    make = None
torch.manual_seed(0)
torch.set_num_threads(2)
def layers():  # AlexNet as in torchvision, for machines that have torch alone
    n = torch.nn
    return n.Sequential(n.Conv2d(3, 64, 11, 4, 2), n.ReLU(), n.MaxPool2d(3, 2), n.Conv2d(64, 192, 5, padding=2), n.ReLU(), n.MaxPool2d(3, 2),
                        n.Conv2d(192, 384, 3, padding=1), n.ReLU(), n.Conv2d(384, 256, 3, padding=1), n.ReLU(), n.Conv2d(256, 256, 3, padding=1), n.ReLU(),
                        n.MaxPool2d(3, 2), n.Flatten(), n.Linear(9216, 4096), n.ReLU(), n.Linear(4096, 4096), n.ReLU(), n.Linear(4096, 1000))
m = (make or layers)().eval()
with torch.no_grad():
    for _ in range(5):
        y = torch.softmax(m(torch.randn(1, 3, 224, 224)), 1)
        print(y.topk(5).indices.tolist())
