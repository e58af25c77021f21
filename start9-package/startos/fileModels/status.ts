/**
 * How the pool fares. The running pool writes the file every five seconds; here it is only
 * read. A field that is missing or strange is `null`: a health check must not fall over it.
 */
import { FileHelper, z } from '@start9labs/start-sdk'
import { files } from '../places'
import { sdk } from '../sdk'

const shape = z.looseObject({
  /** Seconds since 1970. */
  written_at: z.number(),
  serving: z.boolean().catch(false),
  source: z
    .looseObject({
      state: z.string(),
      detail: z.string().nullable().catch(null),
    })
    .nullable()
    .catch(null),
  template: z
    .looseObject({
      height: z.number(),
      prev_hash: z.string(),
      age_seconds: z.number(),
      fees: z.number(),
      subsidy: z.number(),
      transactions: z.number(),
    })
    .nullable()
    .catch(null),
  ledger: z
    .looseObject({
      state: z.string(),
      detail: z.string().nullable().catch(null),
    })
    .nullable()
    .catch(null),
  connection_counts: z
    .looseObject({
      open: z.number().catch(0),
      channels: z.number().catch(0),
      paths: z.record(z.string(), z.number()).catch({}),
    })
    .nullable()
    .catch(null),
})

export type Status = z.infer<typeof shape>

export const statusFile = FileHelper.json(
  { base: sdk.volumes.main, subpath: files.status },
  shape.nullable().catch(null),
)
