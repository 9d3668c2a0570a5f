"""What keeps an outgoing call from its answer, told without inner addresses and without the secrets of a URL."""

from folkmoot.kernel.errors import BadGateway, Invalid


class AddressRefused(Invalid):
    """The address may not be called"""


class HeaderRefused(Invalid):
    """A header of the outgoing call may not be set"""


class OutgoingFailed(BadGateway):
    """The called server did not answer properly"""

    retryable = True


class CertificateRefused(OutgoingFailed):
    """The called server's certificate is not valid for its name"""

    retryable = False


class TooManyRedirects(BadGateway):
    """The called server redirects too often"""


class OutgoingTooLarge(BadGateway):
    """The called server's answer is larger than the limit"""


class OutgoingTimeout(BadGateway):
    """The called server took too long"""

    status = 504
    retryable = True
