"""Which of several processes that train one model this one is."""

from dataclasses import dataclass

from keras_musicvae.errors import ConfigError


@dataclass(frozen=True)
class Processes:
    """The processes that train one model together, each on its own device.

    Args:
        number: How many they are, at least 2.
        rank: Which of them this one is, counted from 0. Process 0 writes the files.
        coordinator: `host:port` of process 0; any free port. TensorFlow needs the
            address of every process, by rank, with commas between them.

    Raises:
        ConfigError: A value is out of range, or no address.

    Example:
        >>> Processes(2, 1, "10.0.0.1:7000").addresses
        ('10.0.0.1:7000',)
    """

    number: int
    rank: int
    coordinator: str

    def __post_init__(self) -> None:
        if self.number < 2:
            raise ConfigError(
                "Several processes are at least 2; a single one needs no coordinator. "
                f"Received: {self.number} processes"
            )
        if not 0 <= self.rank < self.number:
            raise ConfigError(
                f"The rank of one of {self.number} processes must be from 0 to "
                f"{self.number - 1}. Received: {self.rank}"
            )
        for address in self.addresses:
            host, _, port = address.rpartition(":")
            if not (host and port.isdigit() and 0 < int(port) < 1 << 16):
                raise ConfigError(
                    "The coordinator must be `host:port`, the address of process 0. "
                    f"Received: {self.coordinator!r}"
                )
        if len(self.addresses) not in (1, self.number):
            raise ConfigError(
                "The coordinator must be one address, or one for each of the "
                f"{self.number} processes. Received: {len(self.addresses)} addresses"
            )

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses, that of process 0 first."""
        return tuple(self.coordinator.split(","))
