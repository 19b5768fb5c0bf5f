"""What a test or a trial may ask of the sandbox: forms of the wire, faults, and the ledger of what took effect."""
