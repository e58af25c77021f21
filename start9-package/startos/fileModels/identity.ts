/** What others know the pool by. The running pool keeps the file true; here it is only read. */
import { FileHelper, z } from '@start9labs/start-sdk'
import { files } from '../places'
import { sdk } from '../sdk'

const shape = z.looseObject({
  node_id: z.string().nullable().catch(null),
  authority_key: z.string(),
  invite: z.string().nullable().catch(null),
  invite_with_private: z.string().nullable().catch(null),
})

export type Identity = z.infer<typeof shape>

export const identityFile = FileHelper.json(
  { base: sdk.volumes.main, subpath: files.identity },
  shape.nullable().catch(null),
)
