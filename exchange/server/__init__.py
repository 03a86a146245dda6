"""What only the server does with files and schools: intake, merge, ledger, laptops and their keys."""
