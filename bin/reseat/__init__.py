"""What bin/series, bin/kernel, bin/vm and bin/suite are made of."""
