/* ECREATE's and EINIT's rules. SECS and SIGSTRUCT come from the host: nothing in them is trusted. */
#include "lib/sgx/secs.h"

#include "lib/base/bytes.h"
#include "lib/linux/errno.h"
#include "lib/sgx/sigstruct.h"

/* End of each state component in the standard XSAVE format of processors with SGX. */
static const struct {
    uint64_t bits;
    uint32_t end;
} components[] = {
    { SGX_XFRM_LEGACY, 576 }, { SGX_XFRM_AVX, 832 },  { 0x8, 1024 },  { 0x10, 1088 }, { 0x20, 1152 },
    { 0x40, 1664 },           { 0x80, 2688 },         { 0x200, 2696 }, { 0x20000, 2816 }, { 0x40000, 11008 },
};

uint32_t secs_ssa_pages(uint64_t xfrm, uint32_t miscselect)
{
    uint64_t known = 0;
    uint32_t size = 0;

    for (size_t i = 0; i < ARRAY_COUNT(components); i++) {
        known |= components[i].bits;
        if (xfrm & components[i].bits)
            size = MAX(size, components[i].end);
    }
    if ((xfrm & ~known) || (miscselect & ~SGX_MISC_EXINFO))
        return 0;
    size += (uint32_t)sizeof(struct sgx_gprsgx);
    if (miscselect & SGX_MISC_EXINFO)
        size += (uint32_t)sizeof(struct sgx_exinfo);
    return (uint32_t)(ALIGN_UP((uint64_t)size, PAGE_SIZE) / PAGE_SIZE);
}

/* XFRM must be a value that XSETBV accepts (SDM vol. 1, §13.3). */
static bool xfrm_is_legal(uint64_t xfrm, uint64_t supported)
{
    uint64_t avx512 = SGX_XFRM_AVX512 & ~SGX_XFRM_AVX;

    if ((xfrm & SGX_XFRM_LEGACY) != SGX_XFRM_LEGACY || (xfrm & ~supported))
        return false;
    if ((xfrm & avx512) && (xfrm & SGX_XFRM_AVX512) != SGX_XFRM_AVX512)
        return false;
    if ((xfrm & SGX_XFRM_MPX) && (xfrm & SGX_XFRM_MPX) != SGX_XFRM_MPX)
        return false;
    return !(xfrm & SGX_XFRM_AMX) || (xfrm & SGX_XFRM_AMX) == SGX_XFRM_AMX;
}

static bool reserved_are_zero(const struct sgx_secs *s)
{
    return bytes_are_zero(s->reserved1, sizeof(s->reserved1)) &&
           bytes_are_zero(s->reserved2, sizeof(s->reserved2)) &&
           bytes_are_zero(s->isv_ext_prod_id, sizeof(s->isv_ext_prod_id)) &&
           bytes_are_zero(s->isv_family_id, sizeof(s->isv_family_id)) &&
           bytes_are_zero(s->reserved3, sizeof(s->reserved3));
}

int secs_check(const struct sgx_secs *s, uint64_t xfrm_supported)
{
    const struct sgx_attributes *a = &s->attributes;

    if (s->size < 2 * PAGE_SIZE || (s->size & (s->size - 1)) || !IS_ALIGNED(s->base, s->size))
        return -EINVAL;
    if ((a->flags & SGX_FLAG_INIT) || (a->flags & ~SGX_FLAGS_KNOWN) ||
        !(a->flags & SGX_FLAG_MODE64BIT))
        return -EINVAL;
    if ((a->flags & SGX_FLAG_CET) || s->cet_attributes || s->cet_leg_bitmap_offset)
        return -EINVAL; /* a CPU without CET */
    if (!xfrm_is_legal(a->xfrm, xfrm_supported))
        return -EINVAL;
    uint32_t pages = secs_ssa_pages(a->xfrm, s->miscselect);
    if (pages == 0 || s->ssa_frame_size < pages)
        return -EINVAL;
    if (!(a->flags & SGX_FLAG_KSS) &&
        (s->config_svn || !bytes_are_zero(s->config_id, sizeof(s->config_id))))
        return -EINVAL;
    return reserved_are_zero(s) ? 0 : -EINVAL;
}

/* SECS and SIGSTRUCT must agree in every bit that the signer's mask selects. */
static bool attributes_agree(const struct sgx_secs *secs, const struct sgx_sigstruct *sig)
{
    struct sgx_attributes mask = sig->attribute_mask, want = sig->attributes;

    return ((secs->attributes.flags ^ want.flags) & mask.flags) == 0 &&
           ((secs->attributes.xfrm ^ want.xfrm) & mask.xfrm) == 0 &&
           ((secs->cet_attributes ^ sig->cet_attributes) & sig->cet_attributes_mask) == 0 &&
           ((secs->miscselect ^ sig->miscselect) & sig->miscmask) == 0;
}

enum sgx_error secs_einit(struct sgx_secs *secs, const uint8_t mrenclave[SGX_HASH_SIZE],
                          const struct sgx_sigstruct *sig)
{
    enum sgx_error err = sigstruct_verify(sig);

    if (err)
        return err;
    if (memcmp(sig->enclavehash, mrenclave, SGX_HASH_SIZE))
        return SGX_INVALID_MEASUREMENT;
    if (!attributes_agree(secs, sig))
        return SGX_INVALID_ATTRIBUTE;
    memcpy(secs->mrenclave, mrenclave, SGX_HASH_SIZE);
    sigstruct_mrsigner(sig, secs->mrsigner);
    memcpy(secs->isv_ext_prod_id, sig->isv_ext_prod_id, sizeof(secs->isv_ext_prod_id));
    memcpy(secs->isv_family_id, sig->isv_family_id, sizeof(secs->isv_family_id));
    secs->isv_prod_id = sig->isv_prod_id;
    secs->isv_svn = sig->isv_svn;
    secs->attributes.flags |= SGX_FLAG_INIT;
    return SGX_SUCCESS;
}
