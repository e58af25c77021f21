/** All that a miner or a friend needs, to copy or to scan. */
import type { T } from '@start9labs/start-sdk'
import {
  leadsSomewhere,
  ownHost,
  placesOf,
  withoutBridge,
  type Place,
} from '../addresses'
import { identityFile } from '../fileModels/identity'
import { readStore } from '../fileModels/store'
import { i18n } from '../i18n'
import { interfaceIds, ports } from '../places'
import { sdk } from '../sdk'
import { groups } from './groups'

export const connectionInfo = sdk.Action.withoutInput(
  'connection-info',
  async () => ({
    name: i18n('Connection Info'),
    description: i18n('Invite, addresses and QR codes for miners and friends'),
    warning: null,
    allowedStatuses: 'any',
    group: groups.connections,
    visibility: 'enabled',
  }),

  async ({ effects }) => {
    const identity = await identityFile.read().once()
    if (identity === null) {
      throw new Error(
        i18n('Start Punchbowl once: its keys are made on the first start.'),
      )
    }
    const { pool, iroh } = await readStore()
    const host = await ownHost(effects).once()
    const key = identity.authority_key
    const invites =
      iroh.enabled && identity.invite !== null
        ? invitesOf(identity.invite, identity.invite_with_private)
        : []
    const sv2 = placesOf(host, ports.sv2, interfaceIds.sv2).map(place =>
      shown(
        i18n('Stratum V2 (${where})', { where: where(place) }),
        null,
        `stratum2+tcp://${place.host}:${place.port}/${key}`,
      ),
    )
    const sv1 = placesOf(host, ports.sv1, interfaceIds.sv1).map(place =>
      shown(
        i18n('Old miners, Stratum V1 (${where})', { where: where(place) }),
        place.public
          ? i18n('V1 is not sealed: anybody on the way can change it.')
          : null,
        `stratum+tcp://${place.host}:${place.port}`,
      ),
    )
    const rental = pool.rental
      ? placesOf(host, ports.rental, interfaceIds.rental).map(place =>
          shown(
            i18n('Rented hash rate (${where})', { where: where(place) }),
            null,
            `stratum+tcp://${place.host}:${place.port}`,
          ),
        )
      : []
    const keys = [
      ...(identity.node_id === null
        ? []
        : [
            shown(
              i18n('Node ID'),
              i18n('Says which machine this is. It holds no address.'),
              identity.node_id,
            ),
          ]),
      shown(i18n('Authority key'), i18n('Says which pool this is.'), key),
    ]
    return {
      version: '1',
      title: i18n('Connection Info'),
      message:
        sv2.length + sv1.length === 0
          ? i18n(
              'StartOS gives no address for the miners’ ports. Look at the interfaces of Punchbowl.',
            )
          : i18n(
              'User name: a name and a device, such as alice.garage (paid each alone: an address and a device). Password: anything.',
            ),
      result: {
        type: 'group',
        value: [...invites, ...sv2, ...sv1, ...rental, ...keys],
      },
    }
  },
)

function invitesOf(
  invite: string,
  withPrivate: string | null,
): T.ActionResultMember[] {
  const home = withPrivate === null ? null : withoutBridge(withPrivate)
  return [
    shown(
      i18n('Invite'),
      leadsSomewhere(invite)
        ? i18n(
            'For friends elsewhere. It holds no secret, but says where the pool is: public addresses and relays.',
          )
        : i18n(
            'It names no way in yet: make the interface Node ID public, or choose a relay in Invites and Relays.',
          ),
      invite,
    ),
    ...(home === null || home === invite
      ? []
      : [
          shown(
            i18n('Invite for the same house'),
            i18n('With addresses of your own network.'),
            home,
          ),
        ]),
  ]
}

const where = ({ host, public: isPublic }: Place) =>
  isPublic
    ? i18n('${host}, from the internet', { host })
    : i18n('${host}, at home', { host })

const shown = (
  name: string,
  description: string | null,
  value: string,
): T.ActionResultMember => ({
  type: 'single',
  name,
  description,
  value,
  copyable: true,
  qr: true,
  masked: false,
})
