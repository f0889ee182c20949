"""The custom resources of `metallb.io`: models field for field, and the CRD manifests generated from them."""
