#!/usr/bin/python3
"""A person with a browser, and a scanner without one, at the links of a delivered mail."""

import contextlib
import http.client
import random
import re
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import Skipped, run_cases  # noqa: E402
from chromium import Chromium, is_installed  # noqa: E402
from mail_relay import Relay  # noqa: E402
from mail_shop import (OFFER_AND_BILL, MailShop, html_of, links_of, parse,  # noqa: E402
                       simple_journey, simple_template, text_of)

SCANNER = "Mozilla/5.0 (compatible; BarracudaCentral link check)"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0"
# Nobody reads a mail sooner than that (machine_request.h).
TOO_SOON_SECONDS = 10
LANGUAGES = {
    "en": ("Unsubscribe", "Do you want to stop these emails: Offers and news?"),
    "de": ("Abmelden", None),
    "zh": ("退订", None),
}


class Target:
    """The shop's own pages: remembers who came, and from where."""

    def __init__(self):
        self.visits = []
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.send_response(200)
                self.end_headers()

            def do_GET(self):
                if "favicon" not in self.path:
                    target.visits.append((self.path, self.headers.get("Referer")))
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!doctype html><title>The shop</title><p>Welcome")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/offer?a=1&b=%C3%BC"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def rules(target):
    letter = simple_template("letter", "News", f'<p>News: <a href="{target.url}">read</a></p>',
                             topic="newsletter")
    offer = simple_template(
        "offer", '"An offer, {{ person.first_name }}"',
        f'<p>Hello {{{{ person.first_name }}}}, <a href="{target.url}">look</a></p>')
    return {**OFFER_AND_BILL, "templates/offer.liquid": offer, "templates/letter.liquid": letter,
            "journeys/letter.yaml": simple_journey("letter", "Letter", "  - send_email: letter\n")}


@contextlib.contextmanager
def browser_shop():
    with tempfile.TemporaryDirectory(prefix="browser-") as name:
        relay = Relay(Path(name))
        relay.controller.start()
        target = Target()
        try:
            with MailShop(rules(target), relay.settings()) as shop:
                yield shop, relay, target
        finally:
            target.close()
            relay.controller.stop()


def receive(shop, relay, person, event, number):
    """Sends the event; gives the mail that comes of it."""
    before = len(relay.mails)
    shop.track(person, event, number=number)
    shop.sojourn.wait_for(lambda: len(relay.mails) > before, what=f"{event} {number}")
    recipient, content = relay.mails[-1]
    assert recipient == f"{person}@customer.example", recipient
    return content


def is_skipped(shop, relay, person, number):
    """The next offer is skipped for want of consent, and a bill is not."""
    skips = shop.skipped().get("no_consent", 0)
    shop.track(person, "Offer", number=number)
    shop.sojourn.wait_for(lambda: shop.skipped().get("no_consent", 0) == skips + 1,
                          what="a skip for want of consent")
    assert "Your bill" in parse(receive(shop, relay, person, "Bill", number))["Subject"]


def ask(method, url, agent=BROWSER, body=None, **headers):
    """Status and headers of the answer, redirects not followed."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    path = place.path + (f"?{place.query}" if place.query else "")
    connection.request(method, path, body=body, headers={"User-Agent": agent, **headers})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders())


def all_links(content):
    mail = parse(content)
    listed = re.search(r"<(.*)>", mail["List-Unsubscribe"]).group(1)
    links = links_of(html_of(content)) + re.findall(r"https?://[^\s)>]+", text_of(content))
    return [listed, *links]


def wait_until_readable(content):
    """Until the mail is as old as one that a person reads."""
    sent = parsedate_to_datetime(str(parse(content)["Date"]))
    readable = sent.timestamp() + TOO_SOON_SECONDS + 2
    time.sleep(max(0, readable - datetime.now(timezone.utc).timestamp()))


def show_mail(browser, shop, content):
    file = shop.directory / "mail.html"
    file.write_text(html_of(content))
    browser.show(f"file://{file}")
    browser.wait_for("[...document.images].every(image => image.complete)")


def click(browser, script, title):
    """Clicks the element that the script finds; waits for the page of that title."""
    browser.run("window.before = true")
    browser.run(f"({script}).click()")
    browser.wait_for("!window.before && document.readyState === 'complete'")
    assert browser.run("document.title") == title, browser.run("document.title")


def link_with(text):
    return f"[...document.links].find(link => link.textContent.includes('{text}'))"


def button_with(text):
    return f"[...document.querySelectorAll('button')].find(b => b.textContent === '{text}')"


def check_open_and_click(browser, shop, target, content):
    show_mail(browser, shop, content)
    assert browser.run("document.images.length") == 1
    assert browser.run("document.images[0].naturalWidth") == 1, "the open pixel is no image"
    opened = shop.wait_told("Email Opened", machine="false")
    assert opened[0]["template"] == "offer" and opened[0]["topic"] == "marketing", opened
    click(browser, link_with("look"), "The shop")
    assert browser.run("location.href") == target.url, browser.run("location.href")
    path = target.url[target.url.index("/offer"):]
    # The token is a secret of the mail: its address must not reach the target.
    assert target.visits == [(path, None)], target.visits
    clicked = shop.wait_told("Email Link Clicked", machine="false")
    assert clicked[0]["url"] == target.url, clicked
    assert len({event["action_id"] for event in opened + clicked}) == 1


def test_a_person_opens_clicks_unsubscribes_and_comes_back():
    if not is_installed():
        raise Skipped("no chromium")
    with browser_shop() as (shop, relay, target), Chromium() as browser:
        shop.identify("ada", email="ada@customer.example", first_name="Ada")
        content = receive(shop, relay, "ada", "Offer", 1)
        wait_until_readable(content)
        check_open_and_click(browser, shop, target, content)

        show_mail(browser, shop, content)
        click(browser, link_with("Unsubscribe"), "Unsubscribe")
        content = receive(shop, relay, "ada", "Offer", 2)  # the page alone changes nothing
        click(browser, button_with("Unsubscribe"), "You are unsubscribed")
        left = shop.wait_told("Unsubscribed")
        assert [(event["topic"], event["machine"]) for event in left] == [("marketing", "false")]
        is_skipped(shop, relay, "ada", 3)

        click(browser, link_with("Choose which"), "Email preferences")
        ticked = "[...document.querySelectorAll('[name=topic]')].map(box => box.checked)"
        assert browser.run(ticked) == [False, False], browser.run(ticked)
        browser.run("document.querySelectorAll('[name=topic]')[0].labels[0].click()")
        browser.run("document.querySelectorAll('[name=topic]')[1].labels[0].click()")
        click(browser, button_with("Save"), "Email preferences")
        assert browser.run("document.querySelector('[role=status]').textContent"), "no status"
        assert browser.run(ticked) == [True, True], browser.run(ticked)
        back = shop.wait_told("Subscribed", count=2)
        assert sorted(event["topic"] for event in back) == ["marketing", "newsletter"], back
        receive(shop, relay, "ada", "Offer", 4)
        content = receive(shop, relay, "ada", "Letter", 5)

        show_mail(browser, shop, content)
        click(browser, link_with("Email preferences"), "Email preferences")
        click(browser, button_with("Unsubscribe from all"), "Email preferences")
        assert browser.run(ticked) == [False, False], browser.run(ticked)
        shop.wait_told("Unsubscribed", topic="")  # no topic: all of them
        is_skipped(shop, relay, "ada", 6)


def test_a_scanner_that_follows_every_link_changes_nothing_and_is_flagged():
    with browser_shop() as (shop, relay, target):
        shop.identify("ada", email="ada@customer.example", first_name="Ada")
        content = receive(shop, relay, "ada", "Offer", 1)
        links = all_links(content)
        assert len({link.split("/")[3] for link in links if link.startswith(shop.url)}) == 4, links
        for method in ("HEAD", "GET"):
            for link in links:
                assert ask(method, link, SCANNER)[0] in (200, 302), link
        # In a browser's clothes, but sooner than anybody reads; and one that says that it prefetches.
        for link in links:
            ask("GET", link, BROWSER)
            ask("GET", link, BROWSER, **{"Sec-Purpose": "prefetch"})
        shop.wait_told("Email Link Clicked")
        shop.wait_told("Email Opened")
        receive(shop, relay, "ada", "Offer", 2)
        for event in ("Email Opened", "Email Link Clicked"):
            assert {told["machine"] for told in shop.told(event)} == {"true"}, shop.told(event)
        assert shop.told("Unsubscribed") == [] and shop.told("Subscribed") == []
        assert shop.skipped() == {}, shop.skipped()
        # One that is late is a machine still, by its name.
        wait_until_readable(content)
        pixel = next(link for link in links if "/o/" in link)
        before = len(shop.told("Email Opened"))
        ask("HEAD", pixel, BROWSER)  # makes no event
        ask("GET", pixel, SCANNER)
        ask("GET", pixel, BROWSER)
        shop.wait_told("Email Opened", machine="false")
        assert len(shop.told("Email Opened", machine="false")) == 1
        assert len(shop.told("Email Opened")) <= before + 2
        # The mail program's button is a POST, whoever sends it.
        status, _ = ask("POST", links[0], "", b"List-Unsubscribe=One-Click",
                        **{"Content-Type": "application/x-www-form-urlencoded"})
        assert status == 200
        assert shop.wait_told("Unsubscribed")[0]["topic"] == "marketing"
        is_skipped(shop, relay, "ada", 3)


def test_pages_speak_the_language_of_the_person():
    people = {"ann": ({"language": "en"}, "en"), "uwe": ({"language": "de-AT"}, "de"),
              "lin": ({"locale": "zh-CN"}, "zh"), "abe": ({}, "en")}
    with browser_shop() as (shop, relay, _), Chromium() as browser:
        for person, (traits, language) in people.items():
            shop.identify(person, email=f"{person}@customer.example", first_name="A", **traits)
            content = receive(shop, relay, person, "Offer", 1)
            button, question = LANGUAGES[language]
            assert button in text_of(content), (person, text_of(content))
            pages = {link.split("/")[3]: link for link in links_of(html_of(content))
                     if link.startswith(shop.url)}
            for kind in ("u", "p"):
                # The person's own language, not that of the browser at hand.
                browser.show(pages[kind], language="fr")
                assert browser.run("document.documentElement.lang") == language, person
                assert browser.run("document.title")
            browser.show(pages["u"])
            assert browser.run(f"{button_with(button)} !== undefined"), (person, button)
            if question:
                assert question in browser.run("document.body.textContent")


def forge(token, random_source):
    """A token that is not ours: cut, prolonged, one bit or many changed, or noise."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    place = random_source.randrange(len(token))
    others = alphabet.replace(token[place], "")
    return random_source.choice([
        token[:place],
        token + random_source.choice(alphabet),
        token[:place] + random_source.choice(others) + token[place + 1:],
        token[:place] + token[place:][::-1] + "A",
        "".join(random_source.choice(alphabet) for _ in token),
        "%00" + token[1:],
    ])


def test_forged_tokens_open_nothing_and_change_nothing():
    source = random.Random(20260302)
    with browser_shop() as (shop, relay, _):
        shop.identify("ada", email="ada@customer.example", first_name="Ada")
        links = {link.split("/")[3]: link
                 for link in all_links(receive(shop, relay, "ada", "Offer", 1))
                 if link.startswith(shop.url)}
        tokens = {kind: link.split("/")[4].removesuffix(".gif") for kind, link in links.items()}
        assert sorted(tokens) == ["c", "o", "p", "u"], tokens
        shop.wait_told("Email Delivered")
        records = shop.sojourn.metric("sojourn_records_total")
        tried = 0
        for _ in range(500):
            kind, other = source.choice("copu"), source.choice("copu")
            # Of another kind, or forged.
            token = tokens[other] if other != kind else forge(tokens[kind], source)
            method = source.choice(["GET", "HEAD", "POST"] if kind in "pu" else ["GET", "HEAD"])
            url = f"{shop.url}/{kind}/{token}" + (".gif" if kind == "o" else "")
            status, headers = ask(method, url, body=b"action=none" if method == "POST" else None)
            assert 400 <= status < 500, (method, url, status)
            assert "Location" not in headers, url
            tried += 1
        receive(shop, relay, "ada", "Offer", 2)
        for event in ("Email Opened", "Email Link Clicked", "Unsubscribed", "Subscribed"):
            assert shop.told(event) == [], (event, shop.told(event))
        # The second offer, and its end; the first one's were counted before.
        shop.wait_told("Email Delivered", count=2)
        assert shop.sojourn.metric("sojourn_records_total") - records <= 2, "more than the offer"
        for kind, link in links.items():
            assert ask("GET", link)[0] in (200, 302), f"the true one of {kind}"
        print(f"{tried} forged tokens")


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
