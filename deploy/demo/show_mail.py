#!/usr/bin/env python3
"""Prints a mail in short, as a mailbox shows it: show_mail.py FILE.eml. Standard library only."""

import email
import email.policy
import sys

MAX_LINES = 14


def main():
    with open(sys.argv[1], "rb") as file:
        mail = email.message_from_binary_file(file, policy=email.policy.default)
    for name in ("From", "To", "Subject"):
        print(f"{name}: {mail[name]}")
    lines = mail.get_body(("plain",)).get_content().rstrip().splitlines()
    print()
    for line in lines[:MAX_LINES]:
        print(f"  {line}".rstrip())
    if len(lines) > MAX_LINES:
        print("  ...")


if __name__ == "__main__":
    main()
