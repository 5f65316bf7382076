/** Small models that have a bit of everything. */

export const tiny = `
model Inner {
  groups 4
  embedding 32
  heads 2
  condition text { width 12  project 16  layers 1 }
  micro scale 16
  level 8 { channels 32  blocks 1 }
  level 4 { channels 32  blocks 1  attention 1 }
  middle { attention 1 }
}

model Tiny nests Inner {
  groups 4
  level 16 { channels 8  blocks 1 }
  level 8 { channels 16  blocks 1 }
  diffusion { schedule cosine shifted  weighting min_snr  mix 1:1 }
}

sample Tiny { steps 8  guidance 2  threshold dynamic }
`

export const userBlocks = `
// Squeeze and excitation (Hu et al. 2018). x: [batch, channels, height, width]. Result: as x.
block squeeze(x, reduction = 4) {
  pooled = x | reshape([batch(x), channels(x), height(x) * width(x)]) | mean(axis: 2)
  scale = pooled | down: linear(channels(x) / reduction) | silu | up: linear(channels(x)) | sigmoid
  return x * scale
}

// Several plain convolutions, each shifted by the time.
block plain(x, emb, out, depth = 2, rate = 0) {
  order widen, norms, times, convs, last
  h = if channels(x) == out then x else x | widen: conv(out, 1)
  start = h
  for i in 0..depth {
    h = (h | norms[i]: group_norm(4)) + (emb | times[i]: linear(out))
    h = h | silu | dropout(rate) | convs[i]: conv(out, 3)
  }
  return start + half(h) + (h | last: conv(out, 1, init: zeros))
}

// Widths that differ from turn to turn are written out.
block ladder(x) {
  h = x
  for i in 0..2 {
    h = h | rung[i]: conv(8 * (i + 1), 3) | relu
  }
  return x + (h | back: conv(channels(x), 1))
}

block half(x) {
  return x * 0.5
}

model Mine {
  groups 4
  embedding 32
  dropout 10%
  condition label { classes 3 }
  level 8 { channels 16  blocks 1  residual plain  use squeeze  use ladder }
  level 4 { channels 32  blocks 1  residual plain(depth: 3)  use squeeze(reduction: 8) }
  middle { attention 0 }
  diffusion { schedule ddpm  predict noise }
}

sample Mine { method dpm  steps 6 }
`

/** Two phases, mixed batches, dropped conditions, flips, warm-up, clipping and an average. */
export const progressive = `${tiny}
train Tiny {
  optimizer adamw { rate 1e-3  warmup 4  clip 0.5  weight_decay 0.01 }
  average 0.9
  condition_dropout 20%
  flip yes
  phase Inner { steps 8  batch 8 }
  phase Tiny { steps 12  batch 8  mix 1:1 }
}
`
