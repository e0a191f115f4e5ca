;; The two passes of resizing, several numbers at a time: the same integers as `rowsPlain` and `columnsPlain` of resize-passes.ts.
;; Compiled into resize-passes-code.ts by tools/wat.mjs.
(module
  (memory (export "memory") 1)

  ;; Weighted sums along the rows of an RGB image, four lanes at a time: red, green, blue, and one that nobody reads.
  (func (export "rows")
    (param $from i32)    ;; first byte of the first row
    (param $stride i32)  ;; bytes of a row
    (param $height i32)  ;; rows
    (param $first i32)   ;; for each output pixel: the byte of a row at which it begins to read, int32
    (param $count i32)   ;; and how many pixels it reads, int32
    (param $values i32)  ;; and their weights, $taps of them, int32
    (param $taps i32)
    (param $width i32)   ;; output pixels of a row
    (param $to i32)      ;; first byte of the output; one byte more than it has is written
    (local $x i32) (local $at i32) (local $weight i32) (local $end i32) (local $sum v128)
    (loop $row
      (local.set $x (i32.const 0))
      (loop $pixel
        (local.set $at
          (i32.add (local.get $from) (i32.load (i32.add (local.get $first) (i32.shl (local.get $x) (i32.const 2))))))
        (local.set $weight
          (i32.add (local.get $values) (i32.shl (i32.mul (local.get $x) (local.get $taps)) (i32.const 2))))
        (local.set $end
          (i32.add
            (local.get $weight)
            (i32.shl (i32.load (i32.add (local.get $count) (i32.shl (local.get $x) (i32.const 2)))) (i32.const 2))))
        ;; A half, of weights times 2^22.
        (local.set $sum (v128.const i32x4 2097152 2097152 2097152 2097152))
        (block $done
          (loop $tap
            (br_if $done (i32.ge_u (local.get $weight) (local.get $end)))
            (local.set $sum
              (i32x4.add
                (local.get $sum)
                (i32x4.mul
                  (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $at))))
                  (v128.load32_splat (local.get $weight)))))
            (local.set $at (i32.add (local.get $at) (i32.const 3)))
            (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
            (br $tap)))
        (local.set $sum (i32x4.shr_s (local.get $sum) (i32.const 22)))
        (local.set $sum (i16x8.narrow_i32x4_s (local.get $sum) (local.get $sum)))
        ;; The fourth byte is written over by the next pixel.
        (v128.store32_lane 0 (local.get $to) (i8x16.narrow_i16x8_u (local.get $sum) (local.get $sum)))
        (local.set $to (i32.add (local.get $to) (i32.const 3)))
        (local.set $x (i32.add (local.get $x) (i32.const 1)))
        (br_if $pixel (i32.lt_u (local.get $x) (local.get $width))))
      (local.set $from (i32.add (local.get $from) (local.get $stride)))
      (local.set $height (i32.sub (local.get $height) (i32.const 1)))
      (br_if $row (local.get $height))))

  ;; Weighted sums of rows, sixteen bytes at a time.
  (func (export "columns")
    (param $from i32)    ;; first byte of the input; up to 15 bytes more than it has are read
    (param $length i32)  ;; bytes of a row
    (param $height i32)  ;; output rows
    (param $first i32)   ;; for each output row: the first input row that it reads, int32
    (param $count i32)   ;; and how many it reads, int32
    (param $values i32)  ;; and their weights, $taps of them, int32
    (param $taps i32)
    (param $to i32)      ;; first byte of the output; up to 15 bytes more than it has are written
    (local $i i32) (local $at i32) (local $weight i32) (local $end i32) (local $start i32)
    (local $bytes v128) (local $factor v128) (local $low v128) (local $high v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (loop $row
      (local.set $start
        (i32.add (local.get $from) (i32.mul (i32.load (local.get $first)) (local.get $length))))
      (local.set $end
        (i32.add (local.get $values) (i32.shl (i32.load (local.get $count)) (i32.const 2))))
      (local.set $i (i32.const 0))
      (loop $piece
        (local.set $at (i32.add (local.get $start) (local.get $i)))
        (local.set $weight (local.get $values))
        (local.set $a (v128.const i32x4 2097152 2097152 2097152 2097152))
        (local.set $b (local.get $a))
        (local.set $c (local.get $a))
        (local.set $d (local.get $a))
        (block $done
          (loop $tap
            (br_if $done (i32.ge_u (local.get $weight) (local.get $end)))
            (local.set $bytes (v128.load (local.get $at)))
            (local.set $factor (v128.load32_splat (local.get $weight)))
            (local.set $low (i16x8.extend_low_i8x16_u (local.get $bytes)))
            (local.set $high (i16x8.extend_high_i8x16_u (local.get $bytes)))
            (local.set $a
              (i32x4.add (local.get $a) (i32x4.mul (i32x4.extend_low_i16x8_u (local.get $low)) (local.get $factor))))
            (local.set $b
              (i32x4.add (local.get $b) (i32x4.mul (i32x4.extend_high_i16x8_u (local.get $low)) (local.get $factor))))
            (local.set $c
              (i32x4.add (local.get $c) (i32x4.mul (i32x4.extend_low_i16x8_u (local.get $high)) (local.get $factor))))
            (local.set $d
              (i32x4.add (local.get $d) (i32x4.mul (i32x4.extend_high_i16x8_u (local.get $high)) (local.get $factor))))
            (local.set $at (i32.add (local.get $at) (local.get $length)))
            (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
            (br $tap)))
        ;; What reaches beyond the row is written over by the next one.
        (v128.store (i32.add (local.get $to) (local.get $i))
          (i8x16.narrow_i16x8_u
            (i16x8.narrow_i32x4_s
              (i32x4.shr_s (local.get $a) (i32.const 22)) (i32x4.shr_s (local.get $b) (i32.const 22)))
            (i16x8.narrow_i32x4_s
              (i32x4.shr_s (local.get $c) (i32.const 22)) (i32x4.shr_s (local.get $d) (i32.const 22)))))
        (local.set $i (i32.add (local.get $i) (i32.const 16)))
        (br_if $piece (i32.lt_u (local.get $i) (local.get $length))))
      (local.set $to (i32.add (local.get $to) (local.get $length)))
      (local.set $first (i32.add (local.get $first) (i32.const 4)))
      (local.set $count (i32.add (local.get $count) (i32.const 4)))
      (local.set $values (i32.add (local.get $values) (i32.shl (local.get $taps) (i32.const 2))))
      (local.set $height (i32.sub (local.get $height) (i32.const 1)))
      (br_if $row (local.get $height)))))
