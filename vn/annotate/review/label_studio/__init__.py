"""Label Studio: tasks with the machine's result as predictions, and annotated exports as review files."""
