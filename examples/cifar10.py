"""Train torchvision's ResNet-18 on CIFAR-10: the ordinary script, with its loader's import changed."""

import argparse

import torch
from torch import nn
from torchvision import transforms
from torchvision.datasets import CIFAR10
from torchvision.models import resnet18

from penstock import DataLoader

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def train(model, loader, criterion, optimizer, device):
    model.train()
    for step, (images, labels) in enumerate(loader):
        images, labels = images.to(device), labels.to(device)
        loss = criterion(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"step {step}: loss {loss.item():.9f}")


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    correct = 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        correct += (model(images).argmax(dim=1) == labels).sum().item()
    return correct / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="data")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    normalize = transforms.Normalize(MEAN, STD)
    augment = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()]
    train_set = CIFAR10(args.data, transform=transforms.Compose([*augment, transforms.ToTensor(), normalize]))
    test_set = CIFAR10(args.data, train=False, transform=transforms.Compose([transforms.ToTensor(), normalize]))
    train_loader = DataLoader(train_set, batch_size=128, shuffle=True, num_workers=2)
    test_loader = DataLoader(test_set, batch_size=128, num_workers=2)

    model = resnet18(num_classes=10).to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for epoch in range(args.epochs):
        train(model, train_loader, criterion, optimizer, device)
        print(f"epoch {epoch}: accuracy {evaluate(model, test_loader, device):.4f}")


if __name__ == "__main__":
    main()
