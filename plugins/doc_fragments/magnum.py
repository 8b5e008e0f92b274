# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation that the Magnum modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """``stfc.jupyterhub.magnum``, ``.magnum.waiting``."""

    DOCUMENTATION = r"""
options:
  timeout:
    description:
      - How many seconds to wait for everything that this task starts or has to wait for.
      - When the time is over the task fails, the operation goes on in the cloud, and running the task again goes
        on waiting.
    type: int
    default: 3600
notes:
  - Magnum's API version is negotiated. Where the cloud is too old for what is asked, the message names the feature and
    the release that has it.
  - While a long operation runs on the controller itself, its progress is shown line by line.
  - Reading requests are repeated with growing pauses when the cloud answers 500, 502, 503, 504 or nothing. Requests
    that change something are repeated only where that cannot do it twice.
  - Names are not unique in Magnum. Two objects of one name are an error that lists their UUIDs; options that take a
    name also take a UUID.
  - openstacksdk 4.14 is what this is tested with.
seealso:
  - name: Magnum API reference
    description: The fields and operations of Magnum's API.
    link: https://docs.openstack.org/api-ref/container-infrastructure-management/
"""

    ATTRIBUTES = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and says what would be changed without changing it.
    support: full
  diff_mode:
    description: Says what has been changed, or in check mode what would be.
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Only reads, so check mode makes no difference.
    support: full
  diff_mode:
    description: Nothing is changed, so there is no difference to show.
    support: none
"""
