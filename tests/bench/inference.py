"""How fast does AlexNet classify one image, by two threads?"""
import torch
from rounds import serve
from torchvision.models import alexnet

torch.manual_seed(0)
torch.set_num_threads(2)
model = alexnet(weights=None).eval()
image = torch.randn(1, 3, 224, 224)

def classify():
    with torch.no_grad():
        model(image)

classify()
serve(torch_alexnet=classify)
