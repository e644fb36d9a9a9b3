import json
import subprocess

daemon = subprocess.Popen(["kvlsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def send(method, params, **request):
    body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **request}).encode()
    daemon.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    daemon.stdin.flush()


def wait(wanted):
    while True:
        header = dict(line.split(b": ") for line in iter(daemon.stdout.readline, b"\r\n"))
        message = json.loads(daemon.stdout.read(int(header[b"Content-Length"])))
        if wanted(message):
            return message


file, text = {"uri": "file:///add.py"}, "def add(left, right):\n    return "
send("initialize", {"processId": None, "rootUri": None, "capabilities": {},
                    "initializationOptions": {"status": True}}, id=1)
send("initialized", {})
wait(lambda message: message.get("params", {}).get("kind") in ("ready", "error"))  # kvlsp/status
send("textDocument/didOpen", {"textDocument": {**file, "languageId": "python", "version": 1, "text": text}})
send("textDocument/inlineCompletion", {
    "textDocument": file, "position": {"line": 1, "character": 11}, "context": {"triggerKind": 1}}, id=2)
for item in wait(lambda message: message.get("id") == 2)["result"]:
    print(item["insertText"])
send("shutdown", None, id=3)
send("exit", None)
daemon.wait()
