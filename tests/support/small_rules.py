"""The smallest rules that show everything a black-box test wants to see: no mail gates in the way.

write_small_rules(DIRECTORY) makes a rules directory in which every `Ping` gives one webhook to
PING_URL at once, and everybody without an order for 90 days enters the journey `come-back`, which
gives one webhook to COME_BACK_URL. Standard library only.
"""

from pathlib import Path

PING_URL = "https://shop.example/ping"
COME_BACK_URL = "https://shop.example/come-back"

FILES = {
    "company.yaml": "company: Test Shop\ntimezone: UTC\ncurrency: USD\n",
    "segments/lapsed.yaml": 'segment: lapsed\nwhere: now - last("Order Completed") > days(90)\n',
    "journeys/ping.yaml": f"journey: ping\ntrigger: {{event: Ping}}\n"
                          f"one_run_per: event.number\n"
                          f"steps:\n  - webhook: {{url: \"{PING_URL}\"}}\n",
    "journeys/come-back.yaml": f"journey: come-back\ntrigger: {{enters_segment: lapsed}}\n"
                               f"steps:\n  - webhook: {{url: \"{COME_BACK_URL}\"}}\n",
}


def write_small_rules(directory):
    """Writes the rules and gives their directory."""
    directory = Path(directory)
    for name, text in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory
