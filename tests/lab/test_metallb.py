from lab.metallb import PROGRAMS, container_images

MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
---
apiVersion: apps/v1
kind: DaemonSet
spec: {template: {spec: {containers: [{name: speaker, image: example.com/speaker:v1}]}}}
---
apiVersion: apps/v1
kind: Deployment
spec: {template: {spec: {containers: [{name: controller, image: example.com/controller:v1}]}}}
---
"""


def test_the_images_are_those_of_the_manifest():
    assert container_images(MANIFEST) == {name: f"example.com/{name}:v1" for name in PROGRAMS}
