"""The baselines by name; each is imported only if it is asked for."""

from __future__ import annotations

# name -> (module, what it is). A module has `add_arguments(parser)`, and either `open_writer(args, context)` ->
# `vn.baselines.writer.Writer`, or, if the baseline is a narrator of ours with other settings, `run(args)` -> exit code.
BASELINES: dict[str, tuple[str, str]] = {
    "chat": ("vn.baselines.chat", "captions of key frames, then a chat model (paper: LLaVA-1.5 + GPT-3.5)"),
    "video-chat": ("vn.baselines.video_chat", "a vision-language model, clip by clip (paper: Video-LLaVA)"),
    "video-chatgpt": ("vn.baselines.video_chatgpt", "temporal and spatial means of CLIP's patches, clip by clip"),
    "vtimellm": ("vn.baselines.vtimellm", "100 frames of the whole video and one dialogue; zero-shot or fine-tuned"),
    "retrieval": ("vn.baselines.retrieval", "label and narration of the nearest training clip (in place of GVMF)"),
    "verbalize": ("vn.baselines.verbalize", "captions and on-screen text to one story (paper: VerbalizeVideos)"),
}
