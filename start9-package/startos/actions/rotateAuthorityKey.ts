/** A new authority key. Miners no longer know the pool. */
import { i18n } from '../i18n'
import { putAside } from '../keys'
import { files } from '../places'
import { sdk } from '../sdk'
import { groups } from './groups'

export const rotateAuthorityKey = sdk.Action.withoutInput(
  'rotate-authority-key',
  async () => ({
    name: i18n('Rotate Authority Key'),
    description: i18n('Give this pool a new authority key'),
    warning: i18n(
      'Miners that speak Stratum V2, and members with an invite, refuse the pool until they get the new address or invite. The ledger goes on, signed by the new key: members who check it are told of the change, so tell them first. Do this only if the key was exposed. The old key is put aside, in old-keys.',
    ),
    allowedStatuses: 'only-stopped',
    group: groups.keys,
    visibility: 'enabled',
  }),

  async () => {
    const was = await putAside(files.authorityKey, new Date())
    return {
      version: '1',
      title: i18n('Rotate Authority Key'),
      message: was
        ? i18n('The next start makes a new authority key.')
        : i18n('There was no authority key yet; the next start makes one.'),
      result: null,
    }
  },
)
