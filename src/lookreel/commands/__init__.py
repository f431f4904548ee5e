"""What each command of the command line does; `lookreel.cli` holds their options."""
