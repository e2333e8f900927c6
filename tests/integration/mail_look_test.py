#!/usr/bin/python3
"""The pages behind a mail's links and the demo's mails in a browser: light, dark, and 360 px wide."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import Skipped, run_cases  # noqa: E402
from chromium import Chromium, is_installed  # noqa: E402
from demo_mails import act_out, demo_shop, template_names, wait_for_all  # noqa: E402
from mail_relay import Relay  # noqa: E402
from mail_shop import OFFER_AND_BILL, MailShop, html_of, links_of  # noqa: E402
from page_look import LOOKS, problems_of  # noqa: E402


class relay_in_a_directory:
    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="look-")
        self._relay = Relay(Path(self._directory.name))
        self._relay.controller.start()
        return self._relay

    def __exit__(self, *_):
        self._relay.controller.stop()
        self._directory.cleanup()


def need_browser():
    if not is_installed():
        raise Skipped("no chromium")


def check(problems):
    assert not problems, f"{len(problems)} problems:\n" + "\n".join(problems)


def test_every_page_in_every_language_is_seen_by_everybody():
    need_browser()
    problems = []
    with relay_in_a_directory() as relay, MailShop(OFFER_AND_BILL, relay.settings()) as shop:
        with Chromium() as browser:
            for number, language in enumerate(("en", "de", "zh")):
                shop.identify(language, email=f"{language}@customer.example", first_name="Ada",
                              language=language)
                shop.track(language, "Offer", number=1)
                shop.sojourn.wait_for(lambda n=number: len(relay.mails) > n, what="a mail")
                pages = {link.split("/")[3]: link
                         for link in links_of(html_of(relay.mails[number][1]))
                         if link.startswith(shop.url)}
                for look in LOOKS:
                    for name, kind in (("preferences", "p"), ("unsubscribe", "u")):
                        problems += problems_of(browser, pages[kind], look, f"{name}-{language}")
            for look in LOOKS:
                problems += problems_of(browser, f"{shop.url}/u/broken", look, "not-found")
    check(problems)


def test_what_the_forms_answer_is_seen_by_everybody():
    need_browser()
    problems = []
    with relay_in_a_directory() as relay, MailShop(OFFER_AND_BILL, relay.settings()) as shop:
        shop.identify("ada", email="ada@customer.example", first_name="Ada")
        shop.track("ada", "Offer", number=1)
        shop.sojourn.wait_for(lambda: relay.mails, what="a mail")
        pages = {link.split("/")[3]: link for link in links_of(html_of(relay.mails[0][1]))
                 if link.startswith(shop.url)}
        with Chromium() as browser:
            for look in LOOKS:
                for name, kind in (("unsubscribed", "u"), ("saved", "p")):
                    problems += problems_of(browser, pages[kind], look, name, submit=True)
    check(problems)


def test_every_mail_of_the_demo_is_seen_by_everybody():
    need_browser()
    problems = []
    with relay_in_a_directory() as relay, demo_shop(relay.settings()) as shop:
        act_out(shop)
        mails = wait_for_all(shop, relay)
        with Chromium() as browser:
            for template in template_names():
                file = shop.directory / f"{template}.html"
                file.write_text(html_of(mails[template][0][1]))
                for look in LOOKS:
                    problems += problems_of(browser, f"file://{file}", look, f"mail-{template}",
                                            own=[f"{shop.url}/o/"])
    check(problems)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
