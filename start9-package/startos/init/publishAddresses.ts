import { externalAddresses } from '../addresses'
import { files, hostId } from '../places'
import { replace } from '../replace'
import { sdk } from '../sdk'

/**
 * Tells the pool where the outside reaches it, whenever that changes: forwarded ports come and
 * go while it runs. It looks at the file by itself.
 *
 * What is followed is the list and not the host, whose addresses refer to themselves without
 * end, which the SDK does not survive when it compares two of them.
 */
export const publishAddresses = sdk.setupOnInit(async effects => {
  sdk.host
    .getOwn(effects, hostId, externalAddresses)
    .onChange(async (addresses, error) => {
      if (addresses === undefined) {
        console.error('the addresses of this server are not known', error)
      } else {
        await replace(files.externalAddresses, addresses.slice(0, MOST))
      }
      return { cancel: false }
    })
})

/** An invite has room for no more. */
const MOST = 16
