/** The weights that timm 1.0.29 names, by the architecture's name: tags, the default's first. Made by tools/timm-tags.py. */

/**
 * `name: tag:top1 …`, in percent where timm publishes it; `top1@side` of pictures of another size than the default's; `tag=place` where the hub has
 * them under another name, or not at all: `-`.
 */
export const timmTags = `
aimv2_1b_patch14_224: apple_pt
aimv2_1b_patch14_336: apple_pt
aimv2_1b_patch14_448: apple_pt
aimv2_3b_patch14_224: apple_pt
aimv2_3b_patch14_336: apple_pt
aimv2_3b_patch14_448: apple_pt
aimv2_huge_patch14_224: apple_pt
aimv2_huge_patch14_336: apple_pt
aimv2_huge_patch14_448: apple_pt
aimv2_large_patch14_224: apple_pt apple_pt_dist
aimv2_large_patch14_336: apple_pt apple_pt_dist
aimv2_large_patch14_448: apple_pt
beit3_base_patch16_224: in22k_ft_in1k:85.39 indomain_in22k_ft_in1k:85.454 pt indomain_pt
beit3_large_patch16_224: in22k_ft_in1k:87.628 indomain_in22k_ft_in1k:87.534 pt indomain_pt
eva_large_patch14_196: in22k_ft_in22k_in1k:88.59 in22k_ft_in1k:87.952
eva_large_patch14_336: in22k_ft_in22k_in1k:89.238 in22k_ft_in1k:88.68
flexivit_base: 1200ep_in1k:84.678 600ep_in1k:84.564 300ep_in1k:84.402 1000ep_in21k 300ep_in21k patch16_in21k patch30_in21k
flexivit_large: 1200ep_in1k:85.646 600ep_in1k:85.53 300ep_in1k:85.284
flexivit_small: 1200ep_in1k:82.576 600ep_in1k:82.388 300ep_in1k:82.17
test_vit: r160_in1k:40.982
test_vit2: r160_in1k:42.25
test_vit3: r160_in1k:56.908
vit_base_patch14_dinov2: lvd142m
vit_base_patch14_reg1_tipsv2: webli
vit_base_patch14_reg4_dinov2: lvd142m
vit_base_patch16_224: augreg2_in21k_ft_in1k:85.108 augreg_in21k_ft_in1k:84.534 orig_in21k_ft_in1k:81.782 augreg_in1k:79.154 orig_in21k augreg_in21k sam_in1k:80.246 dino mae
vit_base_patch16_224_miil: in21k in21k_ft_in1k:84.278
vit_base_patch16_384: augreg_in21k_ft_in1k:86.01 orig_in21k_ft_in1k:84.212 augreg_in1k:81.102
vit_base_patch16_clip_224: laion2b_ft_in12k_in1k:86.204 openai_ft_in12k_in1k:85.954 laion2b_ft_in1k:85.488 openai_ft_in1k:85.282 laion2b_ft_in12k openai_ft_in12k laion2b laion400m_e32 datacompxl dfn2b metaclip_2pt5b metaclip_400m openai
vit_base_patch16_clip_384: laion2b_ft_in12k_in1k:87.21 openai_ft_in12k_in1k:87.03 laion2b_ft_in1k:86.638 openai_ft_in1k:86.21
vit_base_patch16_clip_quickgelu_224: metaclip_2pt5b=timm/vit_base_patch16_clip_224.metaclip_2pt5b metaclip_400m=timm/vit_base_patch16_clip_224.metaclip_400m openai=timm/vit_base_patch16_clip_224.openai
vit_base_patch16_plus_clip_240: laion400m_e32
vit_base_patch16_rpn_224: sw_in1k:82.218
vit_base_patch16_siglip_224: v2_webli webli
vit_base_patch16_siglip_256: v2_webli webli webli_i18n
vit_base_patch16_siglip_384: v2_webli webli
vit_base_patch16_siglip_512: v2_webli webli
vit_base_patch16_siglip_gap_224: v2_webli webli
vit_base_patch16_siglip_gap_256: v2_webli webli webli_i18n
vit_base_patch16_siglip_gap_384: v2_webli webli
vit_base_patch16_siglip_gap_512: v2_webli webli
vit_base_patch32_224: augreg_in21k_ft_in1k:80.732 augreg_in1k:74.908 orig_in21k augreg_in21k sam_in1k:73.704
vit_base_patch32_384: augreg_in21k_ft_in1k:83.358 augreg_in1k:78.75
vit_base_patch32_clip_224: laion2b_ft_in12k_in1k:83.304 laion2b_ft_in1k:82.614 openai_ft_in1k:81.944 laion2b laion400m_e32 datacompxl metaclip_2pt5b metaclip_400m openai
vit_base_patch32_clip_256: datacompxl
vit_base_patch32_clip_384: laion2b_ft_in12k_in1k:85.398 openai_ft_in12k_in1k:85.218
vit_base_patch32_clip_448: laion2b_ft_in12k_in1k:85.792
vit_base_patch32_clip_quickgelu_224: laion400m_e32=timm/vit_base_patch32_clip_224.laion400m_e32 metaclip_2pt5b=timm/vit_base_patch32_clip_224.metaclip_2pt5b metaclip_400m=timm/vit_base_patch32_clip_224.metaclip_400m openai=timm/vit_base_patch32_clip_224.openai
vit_base_patch32_siglip_256: v2_webli
vit_base_patch32_siglip_gap_256: v2_webli
vit_base_patch8_224: augreg2_in21k_ft_in1k:86.252 augreg_in21k_ft_in1k:85.838 augreg_in21k dino
vit_betwixt_patch16_reg1_gap_256: sbb_in1k:83.652
vit_betwixt_patch16_reg4_gap_256: sbb2_e200_in12k_ft_in1k:85.734 sbb_in12k_ft_in1k:85.426 sbb_in1k:83.71 sbb2_e200_in12k sbb_in12k
vit_betwixt_patch16_reg4_gap_384: sbb2_e200_in12k_ft_in1k:86.618
vit_betwixt_patch32_clip_224: tinyclip_laion400m
vit_dlittle_patch16_reg1_gap_256: sbb_nadamuon_in1k
vit_dpwee_patch16_reg1_gap_256: sbb_nadamuon_in1k sbb_in1k
vit_dwee_patch16_reg1_gap_256: sbb_nadamuon_in1k sbb_in1k
vit_giant_patch14_clip_224: laion2b
vit_giant_patch14_dinov2: lvd142m
vit_giant_patch14_reg1_tipsv2: webli
vit_giant_patch14_reg4_dinov2: lvd142m
vit_giant_patch16_gap_224: in22k_ijepa=-
vit_giantopt_patch16_siglip_256: v2_webli
vit_giantopt_patch16_siglip_384: v2_webli
vit_giantopt_patch16_siglip_gap_256: v2_webli
vit_giantopt_patch16_siglip_gap_384: v2_webli
vit_gigantic_patch14_clip_224: laion2b metaclip2_worldwide metaclip_2pt5b
vit_gigantic_patch14_clip_378: metaclip2_worldwide
vit_gigantic_patch14_clip_quickgelu_224: metaclip_2pt5b=timm/vit_gigantic_patch14_clip_224.metaclip_2pt5b
vit_huge_patch14_224: orig_in21k mae
vit_huge_patch14_clip_224: laion2b_ft_in12k_in1k:88.288 laion2b_ft_in1k:87.612 laion2b_ft_in12k laion2b dfn5b metaclip2_worldwide metaclip_2pt5b metaclip_altogether
vit_huge_patch14_clip_336: laion2b_ft_in12k_in1k:88.634
vit_huge_patch14_clip_378: dfn5b metaclip2_worldwide
vit_huge_patch14_clip_quickgelu_224: dfn5b=timm/vit_huge_patch14_clip_224.dfn5b metaclip2_worldwide=timm/vit_huge_patch14_clip_224.metaclip2_worldwide metaclip_2pt5b=timm/vit_huge_patch14_clip_224.metaclip_2pt5b
vit_huge_patch14_clip_quickgelu_378: dfn5b=timm/vit_huge_patch14_clip_378.dfn5b
vit_huge_patch14_gap_224: in1k_ijepa=- in22k_ijepa=-
vit_huge_patch16_gap_448: in1k_ijepa=-
vit_intern300m_patch14_448: ogvl_dist ogvl_2pt5
vit_large_patch14_clip_224: laion2b_ft_in12k_in1k:87.9 openai_ft_in12k_in1k:88.162 laion2b_ft_in1k:87.288 openai_ft_in1k:87.858 laion2b_ft_in12k openai_ft_in12k laion2b laion400m_e32 datacompxl dfn2b_s39b dfn2b metaclip_2pt5b metaclip_400m openai apple_mclip2_dfndr2b
vit_large_patch14_clip_336: laion2b_ft_in12k_in1k:88.19 openai_ft_in12k_in1k:88.26 laion2b_ft_in1k:87.87 openai
vit_large_patch14_clip_quickgelu_224: dfn2b=timm/vit_large_patch14_clip_224.dfn2b metaclip_2pt5b=timm/vit_large_patch14_clip_224.metaclip_2pt5b metaclip_400m=timm/vit_large_patch14_clip_224.metaclip_400m openai=timm/vit_large_patch14_clip_224.openai
vit_large_patch14_clip_quickgelu_336: openai=timm/vit_large_patch14_clip_336.openai
vit_large_patch14_dinov2: lvd142m
vit_large_patch14_reg1_tipsv2: webli
vit_large_patch14_reg4_dinov2: lvd142m
vit_large_patch16_224: augreg_in21k_ft_in1k:85.856 orig_in21k augreg_in21k mae
vit_large_patch16_384: augreg_in21k_ft_in1k:87.096
vit_large_patch16_siglip_256: v2_webli webli
vit_large_patch16_siglip_384: v2_webli webli
vit_large_patch16_siglip_512: v2_webli
vit_large_patch16_siglip_gap_256: v2_webli webli
vit_large_patch16_siglip_gap_384: v2_webli webli
vit_large_patch16_siglip_gap_512: v2_webli
vit_large_patch32_224: orig_in21k
vit_large_patch32_384: orig_in21k_ft_in1k:81.508
vit_little_patch16_reg1_gap_256: sbb_in12k_ft_in1k:83.8 sbb_in12k
vit_little_patch16_reg4_gap_256: sbb_in1k:82.52
vit_medium_patch16_clip_224: tinyclip_yfcc15m
vit_medium_patch16_gap_240: sw_in12k
vit_medium_patch16_gap_256: sw_in12k_ft_in1k:84.442
vit_medium_patch16_gap_384: sw_in12k_ft_in1k:85.556
vit_medium_patch16_reg1_gap_256: sbb_in1k:83.462
vit_medium_patch16_reg4_gap_256: sbb_in12k_ft_in1k:84.956 sbb_in1k:83.466 sbb_in12k
vit_medium_patch32_clip_224: tinyclip_laion400m
vit_mediumd_patch16_reg4_gap_256: sbb2_e200_in12k_ft_in1k:86.608 sbb_in12k_ft_in1k:86.198 sbb2_e200_in12k sbb_in12k
vit_mediumd_patch16_reg4_gap_384: sbb2_e200_in12k_ft_in1k:87.438
vit_pwee_patch16_reg1_gap_256: sbb_in1k:80.082
vit_small_patch14_dinov2: lvd142m
vit_small_patch14_reg4_dinov2: lvd142m
vit_small_patch16_224: augreg_in21k_ft_in1k:81.402 augreg_in1k:78.842 augreg_in21k dino
vit_small_patch16_384: augreg_in21k_ft_in1k:83.814 augreg_in1k:81.13
vit_small_patch32_224: augreg_in21k_ft_in1k:76.01 augreg_in21k
vit_small_patch32_384: augreg_in21k_ft_in1k:80.476
vit_small_patch8_224: dino
vit_so150m2_patch16_reg1_gap_256: sbb_e200_in12k_ft_in1k:87.318 sbb_e200_in12k
vit_so150m2_patch16_reg1_gap_384: sbb_e200_in12k_ft_in1k:87.932
vit_so150m2_patch16_reg1_gap_448: sbb_e200_in12k_ft_in1k:88.074
vit_so150m_patch16_reg4_gap_256: sbb_e250_in12k_ft_in1k:86.72 sbb_e250_in12k
vit_so150m_patch16_reg4_gap_384: sbb_e250_in12k_ft_in1k:87.37
vit_so400m_patch14_reg1_tipsv2: webli
vit_so400m_patch14_siglip_224: v2_webli webli
vit_so400m_patch14_siglip_378: v2_webli webli webli_ft_in1k:89.41
vit_so400m_patch14_siglip_384: webli
vit_so400m_patch14_siglip_gap_224: v2_webli webli pali_mix pali_pt pali2_3b_pt pali2_10b_pt
vit_so400m_patch14_siglip_gap_378: v2_webli webli webli_ft_in1k:89.056
vit_so400m_patch14_siglip_gap_384: webli
vit_so400m_patch14_siglip_gap_448: pali_mix pali_pt pali_refcoco_seg pali_ocrvqa pali2_3b_pt pali2_10b_pt pali2_3b_docci pali2_10b_docci
vit_so400m_patch14_siglip_gap_896: pali_pt pali_refcoco_seg pali_ocrvqa pali2_3b_pt pali2_10b_pt
vit_so400m_patch16_siglip_256: v2_webli webli_i18n
vit_so400m_patch16_siglip_384: v2_webli
vit_so400m_patch16_siglip_512: v2_webli
vit_so400m_patch16_siglip_gap_256: v2_webli webli_i18n
vit_so400m_patch16_siglip_gap_384: v2_webli
vit_so400m_patch16_siglip_gap_512: v2_webli
vit_tiny_patch16_224: augreg_in21k_ft_in1k:75.452 augreg_in21k
vit_tiny_patch16_384: augreg_in21k_ft_in1k:78.438
vit_wee_patch16_reg1_gap_256: sbb_in1k:80.262
vit_xsmall_patch16_clip_224: tinyclip_yfcc15m
deit3_base_patch16_224: fb_in1k:83.8 fb_in22k_ft_in1k:85.728
deit3_base_patch16_384: fb_in1k:85.088 fb_in22k_ft_in1k:86.742
deit3_huge_patch14_224: fb_in1k:85.204 fb_in22k_ft_in1k:87.18
deit3_large_patch16_224: fb_in1k:84.772 fb_in22k_ft_in1k:86.99
deit3_large_patch16_384: fb_in1k:85.82 fb_in22k_ft_in1k:87.736
deit3_medium_patch16_224: fb_in1k:83.09 fb_in22k_ft_in1k:84.55
deit3_small_patch16_224: fb_in1k:81.382 fb_in22k_ft_in1k:83.082
deit3_small_patch16_384: fb_in1k:83.432 fb_in22k_ft_in1k:84.846
deit_base_distilled_patch16_224: fb_in1k:83.384
deit_base_distilled_patch16_384: fb_in1k:85.438
deit_base_patch16_224: fb_in1k:81.98
deit_base_patch16_384: fb_in1k:83.108
deit_small_distilled_patch16_224: fb_in1k:81.204
deit_small_patch16_224: fb_in1k:79.856
deit_tiny_distilled_patch16_224: fb_in1k:74.538
deit_tiny_patch16_224: fb_in1k:72.19
vit_base_mci_224: apple_mclip_lt=apple/mobileclip_b_lt_timm apple_mclip=apple/mobileclip_b_timm apple_mclip2_dfndr2b
vit_base_r50_s16_224: orig_in21k
vit_base_r50_s16_384: orig_in21k_ft_in1k:84.988
vit_large_r50_s32_224: augreg_in21k_ft_in1k:84.434 augreg_in21k
vit_large_r50_s32_384: augreg_in21k_ft_in1k:86.188
vit_small_r26_s32_224: augreg_in21k_ft_in1k:81.856 augreg_in21k
vit_small_r26_s32_384: augreg_in21k_ft_in1k:84.066
vit_tiny_r_s16_p8_224: augreg_in21k_ft_in1k:71.8 augreg_in21k
vit_tiny_r_s16_p8_384: augreg_in21k_ft_in1k:75.962
resnet101: a1h_in1k:81.95 a1_in1k:81.494 a2_in1k:81.344 a3_in1k:77.928@160 tv_in1k:77.404 tv2_in1k:79.908@176 gluon_in1k:79.306
resnet101c: gluon_in1k:79.542
resnet101d: ra2_in1k:82.254 gluon_in1k:80.466@224
resnet101s: gluon_in1k:80.278
resnet10t: c3_in1k:66.724
resnet14t: c3_in1k:71.318
resnet152: a1h_in1k:82.818 a1_in1k:81.998 a2_in1k:81.764 a3_in1k:78.896@160 tv_in1k:78.33 tv2_in1k:80.222@176 gluon_in1k:79.712
resnet152c: gluon_in1k:79.904
resnet152d: ra2_in1k:83.16 gluon_in1k:80.476@224
resnet152s: gluon_in1k:81.048
resnet18: a1_in1k:71.504 a2_in1k:70.634 a3_in1k:65.67@160 tv_in1k:69.752 fb_ssl_yfcc100m_ft_in1k:72.636 fb_swsl_ig1b_ft_in1k:73.286 gluon_in1k:70.844
resnet18d: ra2_in1k:72.296 ra4_e3600_r224_in1k:74.356
resnet200d: ra2_in1k:83.25
resnet26: bt_in1k:75.298
resnet26d: bt_in1k:76.698
resnet26t: ra2_in1k:77.878
resnet34: a1_in1k:76.42 a2_in1k:75.52 a3_in1k:70.58@160 bt_in1k:75.176 ra4_e3600_r224_in1k:77.492 tv_in1k:73.298 gluon_in1k:74.574
resnet34d: ra2_in1k:77.108
resnet50: a1_in1k:80.382 a1h_in1k:79.264@176 a2_in1k:79.828 a3_in1k:75.994@160 b1k_in1k:79.564 b2k_in1k:79.388 c1_in1k:79.766 c2_in1k:79.868 d_in1k:79.904 ram_in1k:79.034 am_in1k:79.004 ra_in1k:78.82 bt_in1k:78.444 tv_in1k:76.156 tv2_in1k:79.434@176 fb_ssl_yfcc100m_ft_in1k:79.252 fb_swsl_ig1b_ft_in1k:81.146 gluon_in1k:77.58
resnet50c: gluon_in1k:78.016
resnet50d: ra2_in1k:80.546 ra4_e3600_r224_in1k:80.956 a1_in1k:80.73 a2_in1k:80.268 a3_in1k:77.222@160 gluon_in1k:79.08
resnet50s: gluon_in1k:78.71
resnext101_32x16d: fb_wsl_ig1b_ft_in1k:84.166 fb_ssl_yfcc100m_ft_in1k:81.856 fb_swsl_ig1b_ft_in1k:83.34
resnext101_32x32d: fb_wsl_ig1b_ft_in1k:85.09
resnext101_32x4d: fb_ssl_yfcc100m_ft_in1k:80.936 fb_swsl_ig1b_ft_in1k:83.268 gluon_in1k:80.336
resnext101_32x8d: tv_in1k:79.308 tv2_in1k:81.99@176 fb_wsl_ig1b_ft_in1k:82.72 fb_ssl_yfcc100m_ft_in1k:81.62 fb_swsl_ig1b_ft_in1k:84.276
resnext101_64x4d: c1_in1k:82.446 tv_in1k:82.978 gluon_in1k:80.64
resnext50_32x4d: a1h_in1k:81.14 a1_in1k:80.526 a2_in1k:80.444 a3_in1k:77.732@160 ra_in1k:79.8 tv_in1k:77.632 tv2_in1k:79.384@176 fb_ssl_yfcc100m_ft_in1k:80.316 fb_swsl_ig1b_ft_in1k:82.162 gluon_in1k:79.354
resnext50d_32x4d: bt_in1k:79.672
test_resnet: r160_in1k:41.602
wide_resnet101_2: tv_in1k:78.862 tv2_in1k:80.494@176
wide_resnet50_2: racm_in1k:81.466 tv_in1k:78.486 tv2_in1k:80.442@176
swin_base_patch4_window12_384: ms_in22k_ft_in1k:86.442 ms_in1k:84.478 ms_in22k
swin_base_patch4_window7_224: ms_in22k_ft_in1k:85.276 ms_in1k:83.604 ms_in22k
swin_large_patch4_window12_384: ms_in22k_ft_in1k:87.142 ms_in22k
swin_large_patch4_window7_224: ms_in22k_ft_in1k:86.32 ms_in22k
swin_s3_base_224: ms_in1k:83.92
swin_s3_small_224: ms_in1k:83.778
swin_s3_tiny_224: ms_in1k:82.128
swin_small_patch4_window7_224: ms_in22k_ft_in1k:83.33 ms_in1k:83.228 ms_in22k
swin_tiny_patch4_window7_224: ms_in1k:81.388 ms_in22k_ft_in1k:80.966 ms_in22k
swinv2_base_window12_192: ms_in22k
swinv2_base_window12to16_192to256: ms_in22k_ft_in1k:86.27
swinv2_base_window12to24_192to384: ms_in22k_ft_in1k:87.142
swinv2_base_window16_256: ms_in1k:84.608
swinv2_base_window8_256: ms_in1k:84.246
swinv2_large_window12_192: ms_in22k
swinv2_large_window12to16_192to256: ms_in22k_ft_in1k:86.934
swinv2_large_window12to24_192to384: ms_in22k_ft_in1k:87.474
swinv2_small_window16_256: ms_in1k:84.216
swinv2_small_window8_256: ms_in1k:83.844
swinv2_tiny_window16_256: ms_in1k:82.828
swinv2_tiny_window8_256: ms_in1k:81.824
tnt_b_patch16_224: in1k:82.864
tnt_s_legacy_patch16_224: in1k:81.512
tnt_s_patch16_224: in1k:81.506
`;
