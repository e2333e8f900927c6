"""Mail providers as they tell what became of mails: payloads after their documentation, signed by
keys made here.

    with Providers(directory) as providers:
        sojourn.settings["feedback"] = providers.settings()
        sojourn.environment.update(providers.environment())
        providers.tell(sojourn, "ses", "bounced", "gone@customer.example", mark, "e1")

A mark is what the provider hands back: `mark_in(provider, mail)` reads it from the headers of a
mail as the provider does. SNS, which serves certificates and confirms subscriptions, stands behind a
proxy of HTTP CONNECT under its own name. Needs the command openssl; else standard library only.
"""

import base64
import email.message
import email.mime.base
import email.mime.message
import email.mime.multipart
import email.mime.text
import hashlib
import hmac
import json
import socketserver
import ssl
import subprocess
import threading
import time
import uuid
from datetime import datetime, timezone

PROVIDERS = ["ses", "sendgrid", "postmark", "mailgun"]
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mails"
SNS = "sns.eu-west-1.amazonaws.com"
SIGNED_BY_SNS = {
    "Notification": ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
    "SubscriptionConfirmation": ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token",
                                 "TopicArn", "Type"],
}


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=data, check=True,
                          capture_output=True).stdout


def now_text():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def mark_in(provider, mail):
    """What `provider` reads from the headers of a mail (email.message) and hands back later."""
    if provider == "ses":
        name, value = mail["X-SES-MESSAGE-TAGS"].split("=", 1)
        return {name: [value]}
    if provider == "sendgrid":
        return json.loads(mail["X-SMTPAPI"])["unique_args"]
    if provider == "mailgun":
        return json.loads(mail["X-Mailgun-Variables"])
    prefix = "x-pm-metadata-"
    fields = {name.lower()[len(prefix):]: str(value) for name, value in mail.items()
              if name.lower().startswith(prefix)}
    assert all(len(name) <= 20 and len(value) <= 80 for name, value in fields.items()), fields
    return fields


# ---- what they tell, as objects ----------------------------------------------------------------


def ses_message(kind, address, mark, event):
    mail = {"timestamp": now_text(), "source": "hello@shop.example", "messageId": f"ses-{event}",
            "sourceArn": "arn:aws:ses:eu-west-1:123456789012:identity/shop.example",
            "destination": [address], "headersTruncated": False,
            "headers": [{"name": "From", "value": "hello@shop.example"}],
            "tags": {"ses:configuration-set": ["shop"], **mark}}
    if kind == "bounced":
        return {"eventType": "Bounce", "mail": mail, "bounce": {
            "feedbackId": event, "bounceType": "Permanent", "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": address, "action": "failed", "status": "5.1.1",
                                   "diagnosticCode": "smtp; 550 5.1.1 user unknown"}],
            "timestamp": now_text(), "reportingMTA": "dns; mta.example"}}
    if kind == "complained":
        return {"eventType": "Complaint", "mail": mail, "complaint": {
            "feedbackId": event, "complainedRecipients": [{"emailAddress": address}],
            "timestamp": now_text(), "complaintFeedbackType": "abuse", "userAgent": "Yahoo!"}}
    return {"eventType": "Delivery", "mail": mail, "delivery": {
        "timestamp": now_text(), "processingTimeMillis": 300, "recipients": [address],
        "smtpResponse": "250 2.6.0 taken"}}


def sendgrid_event(kind, address, mark, event):
    fields = {"bounced": {"event": "bounce", "type": "bounce", "status": "5.1.1",
                          "reason": "550 5.1.1 user unknown"},
              "complained": {"event": "spamreport"},
              "delivered": {"event": "delivered", "response": "250 OK"}}[kind]
    return {"email": address, "timestamp": int(time.time()), "sg_event_id": event,
            "sg_message_id": f"sg-{event}", "smtp-id": "<m@shop.example>", **fields, **mark}


def postmark_record(kind, address, mark, event):
    number = int(hashlib.sha256(event.encode()).hexdigest()[:12], 16)
    record = {"MessageStream": "outbound", "MessageID": event, "Metadata": mark, "ServerID": 23,
              "Tag": "", "Details": "smtp;550 5.1.1 user unknown"}
    if kind == "delivered":
        return {**record, "RecordType": "Delivery", "Recipient": address, "DeliveredAt": now_text()}
    bounce = {"ID": number, "Email": address, "From": "hello@shop.example",
              "BouncedAt": now_text(), "DumpAvailable": True, "Inactive": True,
              "CanActivate": True, "Subject": "An offer"}
    if kind == "complained":
        return {**record, **bounce, "RecordType": "SpamComplaint", "Type": "SpamComplaint",
                "TypeCode": 512, "Name": "Spam complaint"}
    return {**record, **bounce, "RecordType": "Bounce", "Type": "HardBounce", "TypeCode": 1,
            "Name": "Hard bounce", "Description": "The server was unable to deliver"}


def mailgun_event(kind, address, mark, event):
    fields = {"bounced": {"event": "failed", "severity": "permanent", "reason": "bounce",
                          "delivery-status": {"attempt-no": 1, "code": 550, "message": "",
                                              "description": "No such mailbox"}},
              "complained": {"event": "complained"},
              "delivered": {"event": "delivered", "delivery-status": {"code": 250}}}[kind]
    return {"id": event, "timestamp": time.time(), "recipient": address, "log-level": "error",
            "message": {"headers": {"message-id": "m@shop.example", "to": address}},
            "flags": {"is-test-mode": False}, "tags": [], "user-variables": mark, **fields}


class Sns:
    """Stands behind a proxy as SNS: gives its certificate, and notes what is asked of it."""

    def __init__(self, directory):
        self.asked = []
        self.certificate = (directory / "sns.pem").read_bytes()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(directory / "tls.pem", directory / "sns.key")
        sns = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                first = sns.read_header(self.request)
                if first != f"CONNECT {SNS}:443":
                    sns.asked.append(f"refused {first}")
                    return
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                with context.wrap_socket(self.request, server_side=True) as secured:
                    sns.asked.append(sns.read_header(secured))
                    body = (sns.certificate if ".pem" in sns.asked[-1]
                            else b"<ConfirmSubscriptionResponse/>")
                    secured.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: "
                                    + str(len(body)).encode() + b"\r\n\r\n" + body)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def read_header(connection):
        """Its first line, without the protocol."""
        text = b""
        while b"\r\n\r\n" not in text:
            piece = connection.recv(4096)
            if not piece:
                break
            text += piece
        return text.decode(errors="replace").split(" HTTP/1.1")[0]


class Providers:
    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._make_certificates()
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                directory / "sendgrid.key")
        self.sns = Sns(directory)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sns.server.shutdown()
        self.sns.server.server_close()

    def _make_certificates(self):
        at = self.directory
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout",
                at / "ca.key", "-out", at / "ca.pem", "-subj", "/CN=Test CA")
        openssl("genrsa", "-out", at / "sns.key", "2048")
        for name, host in (("sns", "sns.amazonaws.com"), ("tls", SNS)):
            (at / "names").write_text(f"subjectAltName=DNS:{host}\n")
            openssl("req", "-new", "-key", at / "sns.key", "-subj", f"/CN={host}", "-out",
                    at / "request")
            openssl("x509", "-req", "-in", at / "request", "-CA", at / "ca.pem", "-CAkey",
                    at / "ca.key", "-CAcreateserial", "-days", "2", "-extfile", at / "names",
                    "-out", at / f"{name}.pem")

    def settings(self):
        public = openssl("ec", "-in", self.directory / "sendgrid.key", "-pubout", "-outform", "DER")
        return {"ses": {"topics": [TOPIC], "ca_file": str(self.directory / "ca.pem")},
                "sendgrid": {"public_key": base64.b64encode(public).decode()},
                "postmark": {"user": "postmark", "password": "a secret",
                             "headers": {"X-Hook": "another"}},
                "mailgun": {"signing_key": "mailgun's signing key"}}

    def environment(self):
        return {"https_proxy": f"http://127.0.0.1:{self.sns.server.server_address[1]}"}

    # ---- requests: path, headers, body -------------------------------------------------------

    def envelope(self, message, kind="Notification", version="2", **fields):
        """As SNS sends it."""
        envelope = {"Type": kind, "MessageId": str(uuid.uuid4()), "TopicArn": TOPIC,
                    "Message": message, "Timestamp": now_text(), "SignatureVersion": version,
                    "SigningCertURL": f"https://{SNS}/SimpleNotificationService-1.pem", **fields}
        text = "".join(f"{key}\n{envelope[key]}\n" for key in SIGNED_BY_SNS[kind]
                       if key in envelope)
        digest = "-sha1" if version == "1" else "-sha256"
        signature = openssl("dgst", digest, "-sign", self.directory / "sns.key",
                            data=text.encode())
        envelope["Signature"] = base64.b64encode(signature).decode()
        return ("/feedback/ses", {"Content-Type": "text/plain; charset=UTF-8"},
                json.dumps(envelope).encode())

    def sendgrid_events(self, events):
        body = json.dumps(events).encode()
        timestamp = str(int(time.time()))
        signature = openssl("dgst", "-sha256", "-sign", self.directory / "sendgrid.key",
                            data=timestamp.encode() + body)
        return ("/feedback/sendgrid",
                {"X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
                 "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode()},
                body)

    @staticmethod
    def postmark_record(record):
        credentials = base64.b64encode(b"postmark:a secret").decode()
        headers = {"Authorization": f"Basic {credentials}", "X-Hook": "another"}
        return "/feedback/postmark", headers, json.dumps(record).encode()

    @staticmethod
    def mailgun_event(event, key=b"mailgun's signing key"):
        timestamp, token = str(int(time.time())), uuid.uuid4().hex
        signature = hmac.new(key, (timestamp + token).encode(), hashlib.sha256).hexdigest()
        return ("/feedback/mailgun", {}, json.dumps({
            "signature": {"timestamp": timestamp, "token": token, "signature": signature},
            "event-data": event}).encode())

    def request(self, provider, kind, address, mark, event):
        if provider == "ses":
            return self.envelope(json.dumps(ses_message(kind, address, mark, event)))
        if provider == "sendgrid":
            return self.sendgrid_events([sendgrid_event(kind, address, mark, event)])
        if provider == "postmark":
            return self.postmark_record(postmark_record(kind, address, mark, event))
        return self.mailgun_event(mailgun_event(kind, address, mark, event))

    def tell(self, sojourn, provider, kind, address, mark, event):
        """Posts it; gives the status of the answer."""
        return post(sojourn, self.request(provider, kind, address, mark, event))


# ---- mails about mails ---------------------------------------------------------------------------


def bounce_mail(address, mail, status="5.1.1"):
    """As Postfix writes it; quotes the headers of `mail`, if there is one."""
    report = email.mime.multipart.MIMEMultipart("report", report_type="delivery-status")
    report["From"] = "MAILER-DAEMON@mx.shop.example (Mail Delivery System)"
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report.attach(email.mime.text.MIMEText(f"<{address}>: user unknown\n"))
    status_part = email.mime.base.MIMEBase("message", "delivery-status")
    mta, recipient = email.message.Message(), email.message.Message()
    mta["Reporting-MTA"] = "dns; mx.shop.example"
    recipient["Final-Recipient"] = f"rfc822; {address}"
    recipient["Action"] = "failed"
    recipient["Status"] = status
    recipient["Diagnostic-Code"] = f"smtp; 550 {status} user unknown"
    status_part.set_payload([mta, recipient])
    report.attach(status_part)
    if mail is not None:
        headers = "".join(f"{name}: {value}\n" for name, value in mail.items())
        part = email.mime.text.MIMEText(headers)
        part.set_type("text/rfc822-headers")
        report.attach(part)
    return report


def complaint_mail(address, mail):
    """As RFC 5965 has it."""
    report = email.mime.multipart.MIMEMultipart("report", report_type="feedback-report")
    report["From"] = "abusedesk@mailbox.example"
    report["Subject"] = "FW: An offer"
    report.attach(email.mime.text.MIMEText("This is an email abuse report.\n"))
    fields = email.mime.base.MIMEBase("message", "feedback-report")
    fields.set_payload("Feedback-Type: abuse\nUser-Agent: Some/1.0\nVersion: 1\n"
                       f"Original-Rcpt-To: <{address}>\n")
    report.attach(fields)
    report.attach(email.mime.message.MIMEMessage(mail))
    return report


def post(sojourn, request):
    path, headers, body = request
    return sojourn.post(path, body, headers=headers)[0]
