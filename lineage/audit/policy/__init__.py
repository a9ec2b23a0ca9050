"""The rules of an audit as pure functions: facts about models in, problems out."""
