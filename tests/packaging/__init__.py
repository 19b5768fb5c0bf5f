"""What makes the server installable: the files of registries, hosts and catalogues, the links, the bundle."""
