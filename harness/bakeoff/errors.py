"""Every error that bakeoff raises on purpose. Messages say what, got, expected, remedy."""


class BakeoffError(Exception):
    """What a user can mend: printed without a traceback by the command line."""


class OpError(BakeoffError, ValueError):
    """A shape, dtype or attribute that the op catalogue refuses."""


class TraceError(BakeoffError, TypeError):
    """A workload that cannot be traced."""


class PluginError(BakeoffError):
    """A plugin that cannot be loaded or registers something invalid."""


class EnvironmentFailure(BakeoffError):
    """An environment that cannot be made; carries the installer's last lines."""


class JournalError(BakeoffError):
    """A journal that is damaged, of another schema, or in use."""


class UsageError(BakeoffError):
    """A selection or option that names nothing we have."""
