# %% exceptions
def deep(x):
    y = x - 1
    return 1 / y
class Own(ValueError):
    def __init__(self, code):
        super().__init__(f"code {code}")
        self.code = code
# %% partial results first
ready = 1
deep(1)
never = 2
# %% a chain
try:
    {}["missing"]
except KeyError as error:
    raise RuntimeError("told") from error
# %% an own type
raise Own(5)
# %% a library's frame
import json
json.loads("{")
# %% an undefined name; not runnable
print(ready, undefined_anywhere)
# %% row 14: syntax
x = = 1
# %% syntax of code that is run
exec("a b")
# %% an assertion
assert ready == 2, "not two"
# %% caught here
try:
    deep(1)
except ZeroDivisionError as problem:
    message = str(problem)
message
# %% warnings
import warnings
warnings.warn("careful", UserWarning)
# %% an error with notes and groups
error = ValueError("with a note")
if hasattr(error, "add_note"):
    error.add_note("the note")
raise error
# %% row 57: a message that names a line in words
x = 1
if x:
    if x:
    print(x)
