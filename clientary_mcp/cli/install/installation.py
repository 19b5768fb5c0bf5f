"""One server in one host: its name, what it may do, where its token is, and what the host's configuration gets."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clientary_mcp.cli.install.account import OF_ACCOUNT
from clientary_mcp.cli.install.config_file import Place
from clientary_mcp.cli.install.hosts import TOKEN, Command, Host
from clientary_mcp.cli.install.machine import Machine
from clientary_mcp.cli.install.token_store import TokenStore

LIMITS = ("CLIENTARY_READ_ONLY", "CLIENTARY_TOOLSETS")
"""The variables that options of the command set."""


@dataclass(frozen=True)
class Installation:
    """A server that is to be in a host, or no longer."""

    machine: Machine
    host: Host
    name: str
    limits: Mapping[str, str]
    """The settings that say what an agent may do."""
    is_sandbox: bool = False
    in_keychain: bool = False

    @property
    def path(self) -> Path:
        """The host's configuration."""
        return self.host.path(self.machine)

    @property
    def place(self) -> Place:
        """Where the server stands in it."""
        return self.host.place(self.name)

    @property
    def inputs(self) -> Mapping[Place, Any]:
        """What the host asks for and keeps itself."""
        return {} if self.is_sandbox else self.host.inputs(self.name)

    @property
    def store(self) -> TokenStore | None:
        """Where the token is kept; None where none is needed, or the host keeps it."""
        if self.is_sandbox or self.inputs:
            return None
        return TokenStore(self.machine, self.host.name, self.name, in_keychain=self.in_keychain)

    def values(self, address: Mapping[str, str], earlier: Any = None) -> dict[Place, Any]:
        """What is put into the configuration, for the account at an address, in place of an earlier entry."""
        path, *arguments = self.machine.command
        if self.is_sandbox:
            arguments.append("--sandbox")
        environment = {**self._environment(address), **self._of_owner(earlier)}
        entry = self.host.entry(self.name, Command(path, tuple(arguments), environment))
        return {**self.inputs, self.place: self._with_what_hosts_add(entry, earlier)}

    def _of_owner(self, earlier: Any) -> dict[str, str]:
        """The settings that the owner added to an entry by hand: the audit log, a proxy."""
        ours = {*OF_ACCOUNT, *LIMITS}
        return {name: text for name, text in self.host.variables(earlier).items() if name not in ours}

    def _with_what_hosts_add(self, entry: dict[str, Any], earlier: Any) -> dict[str, Any]:
        """The entry with what the host or its user added to an earlier one, such as the tools that need no question.

        Nothing of a server that is reached at a URL: what it has does not go with a command.
        """
        if not isinstance(earlier, dict) or not earlier.keys() & {"command", "cmd"}:
            return entry
        return {**entry, **{key: each for key, each in earlier.items() if key not in {*entry, "env", "envs"}}}

    def _environment(self, address: Mapping[str, str]) -> dict[str, str]:
        if self.is_sandbox:
            return {**self.limits}
        if self.store:
            of_token = self.store.reference
        else:
            ((_, asked),) = self.inputs
            of_token = {TOKEN: f"${{input:{asked}}}"}
        chosen = {**address, **of_token, **self.limits}
        # Some hosts pass on their own environment, where two variables for one setting would end the start.
        unset = {each: "" for each in OF_ACCOUNT if self.machine.environment.get(each) and each not in chosen}
        return {**chosen, **unset}
