# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation that the Magnum modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """``stfc.jupyterhub.magnum``, ``.magnum.waiting``, ``.magnum.attributes``, ``.magnum.info``,
    ``.magnum.preflight``."""

    DOCUMENTATION = r"""
options: {}
notes:
  - Magnum's API version is negotiated. Where the cloud is too old for what is asked, the message names the feature and
    the release that has it.
  - Reading requests are repeated with growing pauses when the cloud answers 500, 502, 503, 504 or nothing. Requests
    that change something are repeated only where that cannot do it twice.
  - Names are not unique in Magnum. Two objects of one name are an error that lists their UUIDs; options that take a
    name also take a UUID.
  - A password in a URL, such as a proxy's, is shown neither in results nor in differences nor in messages.
  - openstacksdk 4.14 is what this is tested with.
seealso:
  - name: Magnum API reference
    description: The fields and operations of Magnum's API.
    link: https://docs.openstack.org/api-ref/container-infrastructure-management/
attributes:
  action_group:
    description: Tasks of this module take the defaults of these groups of C(module_defaults).
    support: full
    membership:
      - stfc.jupyterhub.magnum
"""

    WAITING = r"""
options:
  wait:
    description: Whether to wait until the operation is over. Several operations are always waited for one by one.
    type: bool
    default: true
  timeout:
    description:
      - How many seconds to wait for everything that this task starts or has to wait for.
      - When the time is over the task fails, the operation goes on in the cloud, and running the task again goes
        on waiting.
    type: int
    default: 3600
notes:
  - While a long operation runs on the controller itself, its progress is shown line by line.
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

    PREFLIGHT = r"""
options:
  service:
    description: The keys as M(stfc.jupyterhub.load_service) leaves them.
    type: dict
    required: true
  complete:
    description:
      - Whether O(service) has every key. Otherwise the files have errors, and only what is known is checked; there is
        no plan.
    type: bool
    default: true
  file:
    description: How the file is called in the report, for keys that O(places) does not have.
    type: str
    default: openstack.yml
  places:
    description: Where each key was written, C(file:line) by key, as M(stfc.jupyterhub.load_service) leaves it.
    type: dict
    default: {}
"""
