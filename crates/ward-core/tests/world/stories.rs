//! Stories: what a person does, what the world does, and all that follows, as text.
