#!/usr/bin/env bash
# 2026-11-27. transformers==5.23.0: `transformers serve` with a language model that has no vision tower answers a chat
# completion whose message has an image (`image_url`) with 200, as if there were none: the image is dropped without a
# word, and the model describes what it was never shown. The prompt has as many tokens as without the image.
#
# Expected: a 400 that says that the model takes no images, as other servers of the protocol give.
# Why it matters: captions by a model that was named by mistake look like captions.
# Cause, read in transformers/cli/serving/utils.py: the parts of a message that fit the modality of the model are kept,
# and all others skipped.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-0}" 2>/dev/null || true; rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install -q "transformers[serving]==${TRANSFORMERS:-5.23.0}" "torch==${TORCH:-2.14.1}"
export HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1
"$folder/env/bin/python" - "$folder/model" <<'PY'
import sys

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

print("transformers", transformers.__version__)
names = {name: n for n, name in enumerate(["<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())])}
tokenizer = Tokenizer(models.BPE(vocab=names, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
tokenizer.save_pretrained(sys.argv[1])
torch.manual_seed(0)
config = transformers.LlamaConfig(
    vocab_size=len(names), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
)
transformers.LlamaForCausalLM(config).save_pretrained(sys.argv[1])
PY
port=$("$folder/env/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$folder/env/bin/transformers" serve "$folder/model" --host 127.0.0.1 --port "$port" --device cpu >"$folder/log" 2>&1 &
server=$!
"$folder/env/bin/python" - "$port" "$folder/model" <<'PY'
import base64
import json
import sys
import time
import urllib.error
import urllib.request

url = f"http://127.0.0.1:{sys.argv[1]}"
for _ in range(300):
    try:
        urllib.request.urlopen(f"{url}/health", timeout=5)
        break
    except OSError:
        time.sleep(1)
pixel = base64.b64encode(base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="))
image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{pixel.decode()}"}}
text = {"type": "text", "text": "What colour is this?"}
tokens = []
for content in ([text], [image, text]):
    body = {"model": sys.argv[2], "messages": [{"role": "user", "content": content}], "max_tokens": 4, "temperature": 0}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            usage = json.load(answer)["usage"]
    except urllib.error.HTTPError as error:
        sys.exit(f"refused with {error.code}: {error.read().decode()[:300]}")
    print("with an image:" if len(content) > 1 else "text alone:   ", "200,", usage["prompt_tokens"], "prompt tokens")
    tokens.append(usage["prompt_tokens"])
if tokens[0] != tokens[1]:
    sys.exit("the image has tokens: this has changed")
PY
