"""What measures kvlsp and trains its default model.

The other rooms are whole without it: nothing that serves an editor imports it.
"""
